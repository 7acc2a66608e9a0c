// Writes posts through the front, as many clients behind one trusted proxy, until it is told to stop; then reads each
// post that was acknowledged. It is run where the published port is, and prints what it saw as one line of JSON.
//   node load.ts <origin> <clients>
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

const [origin = '', clients = '10'] = process.argv.slice(2)
const CALL_TIMEOUT_MS = 10_000
const PAUSE_MS = 100
const TRIES = 50

const posts: Array<{ id: string, token: string }> = []
const seen: Record<string, number> = {}
const stopping = new AbortController()

/** Each call comes from another address, so that no limit of one address stops it. */
const address = () => ['203', '0', ...Array.from({ length: 2 }, () => Math.floor(Math.random() * 256))].join('.')

async function call (method: string, path: string, token?: string, body?: object) {
  const answer = await fetch(origin + path, {
    method,
    headers: {
      'x-forwarded-for': address(),
      ...body && { 'content-type': 'application/json' },
      ...token && { authorization: `Bearer ${token}` }
    },
    ...body && { body: JSON.stringify(body) },
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS)
  }).catch(() => undefined)
  const status = answer?.status ?? 0
  seen[status] = (seen[status] ?? 0) + 1
  const text = await answer?.text().catch(() => undefined)
  return { status, body: answer?.ok && text ? JSON.parse(text) : undefined }
}

async function client (number: number) {
  let token: string | undefined
  while (!stopping.signal.aborted) {
    await sleep(PAUSE_MS)
    if (!token) {
      const email = `load-${number}-${Date.now()}@example.com`
      const account = { email, password: 'violet tram 92 over Dresden', displayName: 'Load' }
      token = (await call('POST', '/api/auth/register', undefined, account)).body?.accessToken
      continue
    }
    const post = await call('POST', '/api/posts', token, { title: 'Load', content: `Of client ${number}.` })
    if (post.body) posts.push({ id: post.body.id, token })
  }
}

async function isThere ({ id, token }: { id: string, token: string }) {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const { status } = await call('GET', `/api/posts/${id}`, token)
    if (status === 200) return true
    if (status === 404) return false
    await sleep(PAUSE_MS)
  }
  return false
}

const work = Promise.all(Array.from({ length: Number(clients) }, (_, number) => client(number)))
await once(process, 'SIGTERM')
stopping.abort()
await work
const writes = { ...seen }
let missing = 0
for (const post of posts) if (!await isThere(post)) missing++
process.stdout.write(`${JSON.stringify({ posts: posts.length, missing, statuses: writes })}\n`)
