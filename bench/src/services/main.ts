import { writeFile } from 'node:fs/promises'
import { describeMachine } from '../lab/machine.ts'
import { median } from '../lab/statistics.ts'
import { onGround } from '../lab/ground.ts'
import { fillFeed, fillPosts } from '../pages/rows.ts'
import { isWanted } from '../lab/options.ts'
import { CONTENT, floors, rateOf } from './floor.ts'
import { type Call, load } from './load.ts'
import { CONNECTIONS, setStage, type Stage } from './stage.ts'
import { watchEvents } from './watch.ts'

const ROWS = 20_000
const IDS = 1_000
const WARM_UP_SECONDS = 1

interface Workload {
  name: string
  floors: Record<string, () => Promise<unknown>>
  service: 'posts' | 'feed'
  call: Pick<Call, 'method' | 'paths' | 'bodies'>
}

/**
 * What the services make of their statements, straight and through the gateway, in turns with the bare statements on
 * the same tables.
 */
export async function benchServices ({ seconds, rounds, only }: { seconds: number, rounds: number, only: string }) {
  await onGround(async (ground) => {
    const stage = await setStage(ground, { posts: (url) => fillPosts(url, ROWS), feed: (url) => fillFeed(url, ROWS) })
    const { urls, token } = stage
    const table: string[] = []
    // First: the rows of the bare statements are events that nobody can publish, and others wait behind them.
    const delays = isWanted('event', only) ? await watchEvents(stage, { rate: 100, seconds }) : undefined
    for (const workload of (await workloads(stage)).filter(({ name }) => isWanted(name, only))) {
      const samples: Record<string, Array<{ rate: number, p50: number, p99: number, errors: number }>> = {}
      const call = (url: string): Call => ({ url, token, ...workload.call })
      const turns = {
        ...Object
          .fromEntries(Object.entries(workload.floors).map((
            [name, work]
          ) => [
            name,
            async (for_: number) => ({
              rate: await rateOf(work, { connections: CONNECTIONS, seconds: for_ }),
              p50: NaN,
              p99: NaN,
              errors: 0
            })
          ])),
        [workload.service]: (for_: number) =>
          load(ground, call(urls[workload.service]), { connections: CONNECTIONS, seconds: for_ }),
        'through the gateway': (for_: number) =>
          load(ground, call(urls.gateway), { connections: CONNECTIONS, seconds: for_ })
      }
      for (const turn of Object.values(turns)) await turn(WARM_UP_SECONDS)
      for (let round = 0; round < rounds; round++) {
        for (const [name, turn] of Object.entries(turns)) (samples[name] ??= []).push(await turn(seconds))
      }
      const floor = median(samples[Object.keys(workload.floors)[0]!]!.map(({ rate }) => rate))
      for (const [name, all] of Object.entries(samples)) {
        const [rate, p50, p99] = [
          median(all.map((one) => one.rate)),
          median(all.map((one) => one.p50)),
          median(all.map((one) => one.p99))
        ]
        const ms = (value: number) => Number.isNaN(value) ? '' : value.toFixed(1)
        const line = `| ${
          [
            workload.name,
            name,
            Math.round(rate),
            (rate / floor).toFixed(2),
            ms(p50),
            ms(p99),
            all.reduce((sum, one) => sum + one.errors, 0)
          ].join(' | ')
        } |`
        console.log(line)
        table.push(line)
      }
    }
    const text = `# Services beside their statements

${describeMachine()}; PostgreSQL, nats-server, all processes and the load on the same cores; ${CONNECTIONS}
connections; medians of ${rounds} interleaved rounds of ${seconds} s; ${ROWS} posts at first. The bare statements are
sent by pg.

| what | by | a second | ÷ bare | p50 ms | p99 ms | errors |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
${table.join('\n')}
${
      delays
        ? `
201 at the gateway → subscriber, ${delays.rate} creations a second:
p50 ${delays.p50.toFixed(1)} ms, p99 ${delays.p99.toFixed(1)} ms of ${delays.events} events.
`
        : ''
    }`
    if (only === '') await writeFile(new URL('../../results/services.md', import.meta.url), text)
    console.log(`\n${text}`)
  })
}

async function workloads (stage: Stage): Promise<Workload[]> {
  const { rows } = await stage.pools.posts.query<{ id: string }>('SELECT id FROM posts ORDER BY id DESC LIMIT $1', [
    IDS
  ])
  const ids = rows.map(({ id }) => id)
  const own = await createPosts(stage, IDS)
  const bare = floors(stage, ids, own)
  const get = (...paths: string[]) => ({ method: 'GET', paths } as const)
  const body = (title: string) => JSON.stringify({ title, content: CONTENT })
  return [
    {
      name: 'create',
      floors: { 'one statement': bare.create, 'a transaction of two': bare.createInTransaction },
      service: 'posts',
      call: { method: 'POST', paths: ['/api/posts'], bodies: [body('A title of some length')] }
    },
    {
      name: 'change',
      floors: { 'a transaction of two': bare.change },
      service: 'posts',
      call: {
        method: 'PATCH',
        paths: own.map((id) => `/api/posts/${id}`),
        bodies: [body('A title that is changed'), body('A title that is changed back')]
      }
    },
    {
      name: 'get',
      floors: { 'by primary key': bare.find },
      service: 'posts',
      call: get(...ids.map((id) => `/api/posts/${id}`))
    },
    { name: 'list of 20', floors: { 'one statement': bare.list }, service: 'posts', call: get('/api/posts') },
    { name: 'feed of 20', floors: { 'one statement': bare.feed }, service: 'feed', call: get('/api/feed') }
  ]
}

/** Posts that the token's user may change. */
async function createPosts ({ urls, token }: Stage, count: number): Promise<string[]> {
  const create = async (n: number) => {
    const answer = await fetch(`${urls.posts}/api/posts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ title: `Post ${n}`, content: CONTENT })
    })
    if (!answer.ok) throw new Error(`a post was not created: ${answer.status}`)
    return (await answer.json() as { id: string }).id
  }
  const ids: string[] = []
  while (ids.length < count) ids.push(...await Promise.all(Array.from({ length: 20 }, (_, n) => create(n))))
  return ids
}
