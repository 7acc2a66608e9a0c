import type { Ground } from '../lab/ground.ts'
import { execute, fillFeed, fillPosts, PROLIFIC } from '../pages/rows.ts'
import { startServices } from '../pages/services.ts'
import { createCaller } from './caller.ts'
import { createSeries, powersOfTen, timeCalls } from './series.ts'

const CALLS = 300
const WORDS = 12

/** Posts and the feed over ever more rows. */
export async function measurePosts (ground: Ground, most: number) {
  const { urls, token, ownerUrl } = await startServices(ground, ['posts', 'feed'])
  const { get, post } = createCaller(token)
  const posts = createSeries('posts', 'ms')
  const newPost = { title: 'A title', content: 'A post of one kilobyte. '.repeat(40) }
  let filled = 0
  for (const size of powersOfTen(most)) {
    await fillPosts(ownerUrl('posts'), size, { from: filled, words: WORDS })
    await fillFeed(ownerUrl('feed'), size, filled)
    const ids = (await execute(ownerUrl('posts'), `SELECT id FROM posts ORDER BY random() LIMIT ${CALLS}`)).map((row) =>
      String(row.id)
    )
    filled = size
    const api = `${urls.posts}/api/posts`
    const calls = {
      create: () => post(api, newPost),
      'read one': (n: number) => get(`${api}/${ids[n % ids.length]}`),
      'list, page 1': () => get(api),
      'list of one author': () => get(`${api}?authorId=${PROLIFIC}`),
      'search of one match': (n: number) => get(`${api}?q=${encodeURIComponent(`number ${1 + n % size}`)}`),
      'feed, page 1': () => get(`${urls.feed}/api/feed`)
    }
    posts.sizes.push(size)
    for (const [name, call] of Object.entries(calls)) {
      await timeCalls(filled === 100 ? CALLS : 30, call) // plans and caches warm
      posts.add(name, await timeCalls(CALLS, call))
    }
  }
  return [posts]
}
