import type { Broker } from '@gatepost/events/broker'
import { followRevocations, type Revocations } from '@gatepost/events/revocations'
import type { Check } from '@gatepost/service-kit/health'
import { type KeySource, remoteKeys } from '@gatepost/service-kit/key-source'
import { createRevocationList, emptyRevocationList, type RevocationList } from '@gatepost/service-kit/revocation-list'
import { tokenLifetimeCheck } from '@gatepost/service-kit/token-lifetime'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'

/** Keys of a service's own, which also knows by itself which sessions have ended. */
export interface OwnKeys {
  source: KeySource
  isReady (): boolean
}

/** What access tokens are judged by. */
export interface Judge {
  keys: KeySource
  revocations: RevocationList
  checks: readonly Check[]
  /** Follows the ends of sessions in the stream; undefined with keys of one's own. */
  follow (broker: Broker): Revocations | undefined
  stop (): void
}

export interface JudgeOptions {
  authUrls: string[]
  /** Seconds. */
  accessTokenTtl: number
  log: Logger
  registry: Registry
}

/** Judges by the keys that auth publishes, and by the ends of sessions that it announces. */
export function judgeByAuth ({ authUrls, accessTokenTtl, log, registry }: JudgeOptions): Judge {
  const keys = remoteKeys({ authUrls, log })
  const revocations = createRevocationList()
  return {
    keys,
    revocations,
    checks: [
      {
        name: 'keys',
        check: () =>
          keys.status().loaded
            ? { status: 'up' }
            : { status: 'down', detail: 'the keys of access tokens are not read yet' }
      },
      tokenLifetimeCheck(accessTokenTtl, () => keys.status().issuedTtl)
    ],
    follow: (broker) => followRevocations({ broker, revocations, accessTokenTtl, log, registry }),
    stop: () => keys.stop()
  }
}

export function judgeBy ({ source, isReady }: OwnKeys): Judge {
  return {
    keys: source,
    revocations: emptyRevocationList(),
    checks: [{
      name: 'keys',
      check: () => isReady() ? { status: 'up' } : { status: 'down', detail: 'the signing keys are not read yet' }
    }],
    follow: () => undefined,
    stop () {}
  }
}
