import { freePorts } from '@gatepost/local-stack/ports'
import { startRedis } from '@gatepost/local-stack/redis'
import { startBroker } from '@gatepost/testing/broker'
import type { Ground } from '../lab/ground.ts'
import { createFleet } from './fleet.ts'
import { createSigner, jwkOf } from './tokens.ts'
import { startUpstream } from './upstream.ts'

/**
 * Everything that peers stand on: keys, an upstream that answers at once, a broker with the real accounts, Redis where
 * it is wanted.
 */
export async function prepareStage (ground: Ground, { redis: withRedis = false } = {}) {
  const signers = { EdDSA: createSigner('EdDSA'), RS256: createSigner('RS256'), ES256: createSigner('ES256') }
  const upstream = await startUpstream(ground, { keys: [jwkOf(signers.EdDSA)] })
  const broker = await startBroker()
  ground.onEnd(() => broker.stop())
  let redisUrl = ''
  if (withRedis) {
    const redis = await startRedis({ port: (await freePorts(1))[0]! })
    ground.onEnd(() => redis.stop())
    redisUrl = redis.url
  }
  return {
    signers,
    broker,
    fleet: createFleet({
      ground,
      signers,
      upstream,
      shared: { upstream: upstream.url, natsUrl: broker.urlOf('gateway'), redisUrl }
    })
  }
}
