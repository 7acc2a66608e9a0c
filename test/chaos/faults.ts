import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningSystem } from '@gatepost/local-stack/system'
import { type Random } from './random.ts'

const VICTIMS = ['auth', 'posts', 'feed', 'gateway', 'nats-server', 'PostgreSQL'] as const
type Victim = typeof VICTIMS[number]
const FAULTS = ['kill', 'freeze', 'restart'] as const

/** Chooses something to break and breaks it; resolves, with what it was, when it is whole again. */
export async function breakSomething (system: RunningSystem, random: Random): Promise<string> {
  const victim = random.pick(VICTIMS)
  const fault = random.pick(FAULTS)
  const milliseconds = 200 + random.below(2_500)
  // PostgreSQL's processes can only be frozen one by one, so it crashes instead.
  if (fault === 'freeze' && victim !== 'PostgreSQL') {
    const child = system.children.get(victim)!
    child.signal('SIGSTOP')
    await sleep(milliseconds)
    child.signal('SIGCONT')
    return `${victim} frozen for ${milliseconds} ms`
  }
  if (fault === 'restart') {
    await system.children.get(victim)!.stop(26_000)
    await system.startAgain(victim)
    return `${victim} restarted`
  }
  await crash(system, victim)
  await sleep(milliseconds)
  await system.startAgain(victim)
  return `${victim} killed, back after ${milliseconds} ms`
}

/** SIGQUIT is PostgreSQL's crash on demand: nothing is written, the log is replayed at the next start. */
async function crash (system: RunningSystem, victim: Victim) {
  const child = system.children.get(victim)!
  child.signal(victim === 'PostgreSQL' ? 'SIGQUIT' : 'SIGKILL')
  await child.ended
}
