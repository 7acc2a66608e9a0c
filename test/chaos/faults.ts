import { setTimeout as sleep } from 'node:timers/promises'
import { declarations } from '@gatepost/contracts/declarations'
import { consumersOf } from '@gatepost/contracts/events'
import type { ServiceName } from '@gatepost/contracts/service-name'
import type { RunningSystem } from '@gatepost/local-stack/system'
import type { Random } from '@gatepost/testing/random'
import { connect } from '@nats-io/transport-node'
import { freeze } from './process-tree.ts'

type Victim = ServiceName | 'nats-server' | 'PostgreSQL'
export const VICTIMS: readonly Victim[] = [...declarations.map(({ name }) => name), 'nats-server', 'PostgreSQL']
const KINDS = ['kill', 'freeze', 'restart'] as const

/** Of read models, which are held against what clients were told. */
const DURABLES = declarations.filter(({ store }) => store === 'inbox').flatMap(consumersOf).map(({ name }) => name)
const DURABLE_KINDS = ['lose', 'rewind'] as const

interface ProcessFault {
  victim: Victim
  kind: typeof KINDS[number]
  /** Duration of the outage, where chaos chooses it. */
  milliseconds: number
}

/** A fault of a durable consumer on the server: deletion, or redelivery of every event. */
interface DurableFault {
  victim: string
  kind: typeof DURABLE_KINDS[number]
}

export type Fault = ProcessFault | DurableFault

/** Each kind of fault of each victim once in a round of all of them, in an order that the seed decides. */
export function * faultsOf (random: Random): Generator<Fault, never> {
  for (;;) {
    const left = [
      ...VICTIMS.flatMap((victim) => KINDS.map((kind) => ({ victim, kind, milliseconds: 0 }))),
      ...DURABLES.flatMap((victim) => DURABLE_KINDS.map((kind) => ({ victim, kind })))
    ]
    while (left.length > 0) {
      const fault = left.splice(random.below(left.length), 1)[0]!
      yield isOfDurable(fault) ? fault : { ...fault, milliseconds: durationOf(fault, random) }
    }
  }
}

function isOfDurable (fault: Fault): fault is DurableFault {
  return !('milliseconds' in fault)
}

/**
 * PostgreSQL is frozen for longer than it takes to give up a connection (2 s), a statement (5 s) and, at times, the
 * relay's (10 s).
 */
function durationOf ({ victim, kind }: ProcessFault, random: Random) {
  return victim === 'PostgreSQL' && kind === 'freeze' ? 6_200 + random.below(5_000) : 200 + random.below(2_500)
}

/**
 * Breaks something and makes it whole again; resolves with what happened, and when (`performance.now()`) its cause was
 * gone.
 */
export async function commit (fault: Fault, system: RunningSystem): Promise<{ text: string, overAt: number }> {
  if (isOfDurable(fault)) return commitOnServer(fault, system)
  const { victim, kind, milliseconds } = fault
  const child = system.children.get(victim)!
  if (kind === 'freeze') {
    const thaw = freeze(child.pid)
    await sleep(milliseconds)
    thaw()
    return { text: `${victim} frozen for ${milliseconds} ms`, overAt: performance.now() }
  }
  if (kind === 'restart') {
    await child.stop(26_000)
  } else {
    // SIGQUIT is PostgreSQL's crash on demand: nothing is written, the log is replayed at the next start.
    child.signal(victim === 'PostgreSQL' ? 'SIGQUIT' : 'SIGKILL')
    await child.ended
    await sleep(milliseconds)
  }
  const overAt = performance.now()
  await system.startAgain(victim)
  return {
    text: kind === 'restart' ? `${victim} restarted` : `${victim} killed, back after ${milliseconds} ms`,
    overAt
  }
}

async function commitOnServer ({ victim, kind }: DurableFault, system: RunningSystem) {
  const { host, username: user, password: pass } = new URL(system.brokerUrl('provisioner'))
  const nc = await connect({ servers: host, user, pass, inboxPrefix: '_INBOX_provisioner' })
  const ask = async (call: string, body?: object) =>
    (await nc.request(`$JS.API.CONSUMER.${call}`, JSON.stringify(body))).json<any>()
  const path = `EVENTS.${victim}`
  try {
    const { config } = await ask(`INFO.${path}`)
    await ask(`DELETE.${path}`)
    // As `events replay --from 1` does; its service may have made it again, which begins at the same event or later.
    if (kind === 'rewind') {
      await ask(`DURABLE.CREATE.${path}`, {
        stream_name: 'EVENTS',
        config: { ...config, deliver_policy: 'by_start_sequence', opt_start_seq: 1 }
      })
    }
    return {
      text: kind === 'lose' ? `durable ${victim} lost` : `durable ${victim} rewound to the first event`,
      overAt: performance.now()
    }
  } finally {
    await nc.close()
  }
}
