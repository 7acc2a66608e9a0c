// The first day of a stranger: thirty lines under `strict`.
import { createClient, ProblemError, type Post } from '@gatepost/client'
import { baseUrl } from './where.js'

const api = createClient({ baseUrl })
const email = `stranger.${Math.random()}@example.com`
const registered = await api.register({ body: { email, password: 'correct horse', displayName: 'Stranger' } })
if (registered.status !== 201) throw new Error(registered.body.message)

const written: Post[] = []
for (const title of ['one', 'two', 'three']) {
  written.push((await api.createPost({ body: { title, content: 'x' } })).body)
}
const titles: string[] = []
const query = { authorId: registered.body.user.id, limit: 2 }
for await (const post of api.listPosts.all({ query })) titles.push(post.title)

const leaving = new AbortController()
const followed: string[] = []
for await (const event of api.events({ types: ['posts.post-created.v1'], after: 0, signal: leaving.signal })) {
  if (event.data.authorId === query.authorId) followed.push(event.data.title)
  if (followed.length === written.length) leaving.abort()
}

await api.logout()
const refusal = await api.getMe().catch((error: unknown) => error)
if (!(refusal instanceof ProblemError)) throw refusal
// eslint-disable-next-line no-console -- a program of its own
console.log(JSON.stringify({ titles, followed, session: api.session ?? null, refusal: refusal.code }))
