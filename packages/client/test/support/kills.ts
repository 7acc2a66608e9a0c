import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@gatepost/testing/random'
import { eventually } from '@gatepost/testing/eventually'
import { created, startSubscriberStage } from './subscriber-stage.ts'

const PROGRAM = fileURLToPath(new URL('ordered-subscriber.ts', import.meta.url))
const AGGREGATES = 32
const EVENTS_EACH_ROUND = 200
const ACK_WAIT_MS = 600

export interface KillReport {
  events: number
  /** Begun and not done when a kill came. */
  unfinished: number
  /** Begun again, after a crash came before their acknowledgement. */
  again: number
  /** What came before an earlier event of its aggregate was done. */
  reorders: string[]
  /** What never came. */
  missing: number
}

/** Kills a subscriber with concurrency in the middle of its work, again and again, and looks at the order. */
export async function kills ({ kills, seed }: { kills: number, seed: number }): Promise<KillReport> {
  const random = createRandom(seed)
  const stage = await startSubscriberStage()
  const aggregates = Array.from({ length: AGGREGATES }, () => ({ id: created().subject, version: 0 }))
  const order = createOrder()
  const publish = async (count: number) => {
    const events = Array.from({ length: count }, () => {
      const aggregate = random.pick(aggregates)
      return { ...created('x'), subject: aggregate.id, aggregateversion: ++aggregate.version }
    })
    await stage.publish(...events)
  }
  try {
    await stage.makeDurable({ ack_wait: ACK_WAIT_MS * 1e6 })
    for (let kill = 0; kill <= kills; kill++) {
      const program = spawn(process.execPath, [PROGRAM], {
        env: { ...process.env, NATS_URL: stage.nats.url },
        stdio: ['ignore', 'pipe', 'inherit']
      })
      const ended = once(program, 'close')
      let rest = ''
      let lines = 0
      program.stdout.on('data', (chunk) => {
        const parts = (rest + String(chunk)).split('\n')
        rest = parts.pop()!
        lines += parts.length
        for (const line of parts) order.add(line)
      })
      await publish(EVENTS_EACH_ROUND)
      if (kill < kills) {
        await eventually(() => { if (lines === 0) throw new Error('it does nothing') }, { withinMs: 30_000 })
        await sleep(random.below(60))
      } else {
        await eventually(() => {
          if (order.missing(aggregates) > 0) throw new Error(`${order.missing(aggregates)} events never came`)
        }, { withinMs: 30_000 + kills * 1_000 }).catch(() => undefined)
      }
      program.kill('SIGKILL')
      await ended
      order.killed()
    }
    return {
      events: aggregates.reduce((sum, { version }) => sum + version, 0),
      unfinished: order.unfinished,
      again: order.again,
      reorders: order.reorders,
      missing: order.missing(aggregates)
    }
  } finally {
    await stage.stop()
  }
}

/** Follows what the programs say. */
function createOrder () {
  const done = new Map<string, number>()
  const reorders: string[] = []
  const underWay = new Set<string>()
  let [again, unfinished] = [0, 0]
  return {
    reorders,
    get again () { return again },
    get unfinished () { return unfinished },
    killed () {
      unfinished += underWay.size
      underWay.clear()
    },
    add (line: string) {
      const [what, subject, text] = line.split(' ') as [string, string, string]
      const version = Number(text)
      const last = done.get(subject) ?? 0
      if (what === 'end') {
        underWay.delete(subject)
        done.set(subject, version)
        return
      }
      underWay.add(subject)
      if (version === last) again++
      else if (version !== last + 1) reorders.push(`${subject}: ${version} came after ${last}`)
    },
    missing: (aggregates: readonly { id: string, version: number }[]) =>
      aggregates.reduce((sum, { id, version }) => sum + version - (done.get(id) ?? 0), 0)
  }
}
