import { writeFile } from 'node:fs/promises'
import { createBroker, type Log } from '@gatepost/events/broker'
import { describeMachine } from '../lab/machine.ts'
import { createFor } from './creations.ts'
import { bareRate, drain, fillPublished, IN_FLIGHT } from './drain.ts'
import { prepareGround } from './ground.ts'
import { live } from './live.ts'
import { recoveries } from './recovery.ts'
import { wholeWay } from './whole-way.ts'

const BARE = 20_000
const quiet: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (...words: unknown[]) => {
    console.error(...words)
  }
}

/**
 * The relay's drain beside bare publishing, how it keeps up with creations, how long an event is under way, and what
 * kills cost.
 */
export async function benchEvents (
  { rows, published, rate, seconds }: { rows: number, published: number, rate: number, seconds: number }
) {
  const ground = await prepareGround()
  const broker = createBroker({ servers: ground.natsUrl('posts'), name: 'posts', log: quiet })
  const subscriber = createBroker({ servers: ground.natsUrl('provisioner'), name: 'provisioner', log: quiet })
  const lines: string[] = []
  const say = (line: string) => {
    lines.push(line)
    console.log(line)
  }
  try {
    await Promise.all([broker.connected(), subscriber.connected()])
    say(`# Events\n\n${describeMachine()}; PostgreSQL, nats-server, relay and load on the same cores.\n`)
    say('| what | measured | beside |\n| --- | ---: | --- |')
    // First, while PostgreSQL has little to replay: how long it takes to start is its own affair.
    for (const [what, { server, event }] of Object.entries(await recoveries(ground, subscriber))) {
      say(`| kill -9 of ${what} | ${event.toFixed(2)} s | until an event committed after it is delivered${
        what.includes('not') ? '' : `; ${server.toFixed(2)} s of it until the server was back itself`
      } |`)
    }
    for (const [name, { works, ready }] of await wholeWay()) {
      say(`| kill -9 of ${name}, started again at once | ${
        works.toFixed(2)
      } s | until a login, a post and its way into the feed succeed, median of three; ${
        ready.toFixed(2)
      } s of it until it was ready itself |`)
    }
    await fillPublished(ground, published)
    const bare = [await bareRate(broker, BARE)]
    const drained = await drain(ground, { broker, subscriber, log: quiet }, rows)
    bare.push(await bareRate(broker, BARE))
    const beside = (bare[0]! + bare[1]!) / 2
    const [pace, behind] = [rows / drained.marked, drained.marked - drained.published]
    say(`| relay, backlog of ${format(rows)} beside ${format(published)} published rows | ${format(pace)}/s | ${
      Math.round(100 * pace / beside)
    } % of bare JetStream publishing, ${IN_FLIGHT} in flight: ${format(beside)}/s |`)
    say(`| … until every row is marked | ${drained.marked.toFixed(2)} s | ${
      behind.toFixed(2)
    } s of it after the last was published |`)
    const alone = await createFor(ground, { seconds, onCommit: () => {} })
    await drain(ground, { broker, subscriber, log: quiet }, 0) // clears the backlog of the kills
    for (const asked of [rate, 500]) {
      const { made, oldestMs, p50, p99, events, lost } = await live(ground, { broker, subscriber, log: quiet }, {
        rate: asked,
        seconds
      })
      say(`| creations, ${format(asked)}/s asked | ${format(made)}/s | ${format(alone)}/s at most without a relay |`)
      say(`| … oldest unpublished | ${format(oldestMs)} ms | |`)
      say(`| … commit → subscriber | p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms | ${
        format(events)
      } events, ${lost} lost |`)
    }
    await writeFile(new URL('../../results/events.md', import.meta.url), `${lines.join('\n')}\n`)
  } finally {
    await broker.close()
    await subscriber.close()
    await ground.stop()
  }
}

const format = (value: number) => Math.round(value).toLocaleString('en')
