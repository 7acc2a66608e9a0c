import { setTimeout as sleep } from 'node:timers/promises'
import { declarations } from '@gatepost/contracts/declarations'
import { consumersOf, events } from '@gatepost/contracts/events'
import type { ServiceName } from '@gatepost/contracts/service-name'
import type { Random } from '@gatepost/testing/random'
import { forbidSubject, loseDurable, rewindDurable } from './broker-faults.ts'
import { freeze } from './process-tree.ts'
import type { WholeSystem } from './whole-system.ts'

type Victim = ServiceName | 'nats-server' | 'PostgreSQL'
export const VICTIMS: readonly Victim[] = [...declarations.map(({ name }) => name), 'nats-server', 'PostgreSQL']
const KINDS = ['kill', 'freeze', 'restart'] as const

/** Services with a read model, which is held against the answers to clients. */
const READERS = declarations.filter(({ store }) => store === 'inbox')
const DURABLES = READERS.flatMap(consumersOf).map(({ name }) => name)
const DURABLE_KINDS = ['lose', 'rewind'] as const
const KILLS = 5

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

/** NATS does not permit one of the subjects. */
interface SubjectFault {
  victim: 'a subject'
  kind: 'forbid'
  subject: string
  milliseconds: number
}

/** One of two replicas is killed several times in a row. */
interface ReplicaFault {
  victim: ServiceName
  kind: 'five kills'
}

export type Fault = ProcessFault | DurableFault | SubjectFault | ReplicaFault

/** Each kind of fault of each victim once in a round of all of them, in an order that the seed decides. */
export function * faultsOf (random: Random): Generator<Fault, never> {
  for (;;) {
    const left: (() => Fault)[] = [
      ...VICTIMS.flatMap((victim) => KINDS.map((kind) => () =>
        ({ victim, kind, milliseconds: durationOf(victim, kind, random) }))),
      ...DURABLES.flatMap((victim) => DURABLE_KINDS.map((kind) => () => ({ victim, kind }))),
      ...READERS.map(({ name }) => () => ({ victim: name, kind: 'five kills' as const })),
      () => ({
        victim: 'a subject',
        kind: 'forbid',
        subject: events[random.below(events.length)]!.subject,
        milliseconds: 1_000 + random.below(3_000)
      })
    ]
    while (left.length > 0) yield left.splice(random.below(left.length), 1)[0]!()
  }
}

/**
 * PostgreSQL is frozen for longer than it takes to give up a connection (2 s), a statement (5 s) and, at times, the
 * relay's (10 s).
 */
function durationOf (victim: Victim, kind: ProcessFault['kind'], random: Random) {
  return victim === 'PostgreSQL' && kind === 'freeze' ? 6_200 + random.below(5_000) : 200 + random.below(2_500)
}

/**
 * Breaks something and makes it whole again; resolves with a description, and the time (`performance.now()`) at which
 * its cause was gone.
 */
export async function commit (fault: Fault, whole: WholeSystem): Promise<{ text: string, overAt: number }> {
  const text = await textOf(fault, whole)
  return typeof text === 'string' ? { text, overAt: performance.now() } : text
}

async function textOf (fault: Fault, whole: WholeSystem) {
  switch (fault.kind) {
    case 'lose': return loseDurable(fault.victim, whole)
    case 'rewind': return rewindDurable(fault.victim, whole)
    case 'forbid': return forbidSubject(fault.subject, fault.milliseconds, whole)
    case 'five kills': return killInARow(fault.victim, whole)
    case 'freeze': return freezeFor(fault, whole)
    default: return endAndStart(fault, whole)
  }
}

/** The other replica gets unacknowledged events; clients meet the killed one. */
async function killInARow (victim: ServiceName, { system, startReplica }: WholeSystem) {
  const replica = await startReplica(victim)
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const child = system.children.get(victim)!
      child.signal('SIGKILL')
      await child.ended
      await system.startAgain(victim)
    }
  } finally {
    await replica.stop(26_000)
  }
  return `${victim} killed ${KILLS} times, with another replica beside it`
}

async function freezeFor ({ victim, milliseconds }: ProcessFault, { system }: WholeSystem) {
  const thaw = freeze(system.children.get(victim)!.pid)
  await sleep(milliseconds)
  thaw()
  return `${victim} frozen for ${milliseconds} ms`
}

async function endAndStart ({ victim, kind, milliseconds }: ProcessFault, { system }: WholeSystem) {
  const child = system.children.get(victim)!
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
  const text = kind === 'restart' ? `${victim} restarted` : `${victim} killed, back after ${milliseconds} ms`
  return { text, overAt }
}
