import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Post } from '@gatepost/contracts/posts/schemas'
import { RANKED_MATCHES } from '../src/posts/search-repository.ts'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

let posts: PostsUnderTest
const userId = anybody()
const written: Record<string, Post> = {}
beforeAll(async () => {
  posts = await startPosts()
  written.once = await posts.write(userId, { title: 'Gardens', content: 'A walk past one lighthouse, and home.' })
  written.often = await posts.write(userId, { title: 'Towers', content: 'lighthouse lighthouse lighthouse lighthouse' })
  written.title = await posts.write(userId, { title: 'The lighthouse', content: 'Nothing of it here.' })
  written.running = await posts.write(userId, { title: 'Running', content: 'She runs along the old harbour wall' })
  written.other = await posts.write(anybody(), {
    title: 'Größenwahn 你好',
    content: "It’s O'Brien’s e-mail: a@b.example; 100% <b>bold</b>"
  })
})
afterAll(() => posts.stop())

async function search (q: string, more = '') {
  const answer = await posts.call('GET', `/api/posts?q=${encodeURIComponent(q)}${more}`)
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json().items.map(({ id }: Post) =>
    Object.entries(written).find(([, post]) => post.id === id)?.[0] ?? id
  )
}

test('the best match comes first: a word of the title before many in the content before one', async () => {
  expect(await search('lighthouse')).toEqual(['title', 'often', 'once'])
})

test.each([
  ['run', ['running']],
  ['harbours', ['running']],
  ['walk lighthouse', ['once']],
  ['lighthouse -walk', ['title', 'often']],
  ['"old harbour"', ['running']],
  ['"harbour old"', []],
  ['gardens or towers', ['towers', 'gardens']],
  ['größenwahn', ['other']],
  ['你好', ['other']],
  ["o'brien", ['other']],
  ['nowhere', []],
  ['the', []]
])('%s finds %j', async (q, found) => {
  const names: Record<string, string> = { towers: 'often', gardens: 'once' }
  expect((await search(q)).sort()).toEqual(found.map((name) => names[name] ?? name).sort())
})

test.each([
  "'",
  '"',
  '""',
  '-',
  '- -',
  '(',
  ':*',
  'a & | ! <-> b',
  '\\',
  '%',
  '--',
  '" or "',
  '-"',
  'or',
  '💥',
  '\ud7ff',
  'x'.repeat(200)
])('%j is a search like any other', async (q) => {
  await search(q)
})

test('a search keeps to the author that is asked for', async () => {
  expect(await search('lighthouse', `&authorId=${anybody()}`)).toEqual([])
  expect(await search('lighthouse', `&authorId=${userId}`)).toHaveLength(3)
})

test('a changed post is found by its new words and no longer by its old ones', async () => {
  const post = await posts.write(userId, { content: 'xylophone' })
  await posts.call('PATCH', `/api/posts/${post.id}`, { as: { userId }, body: { content: 'zeppelin' } })
  expect(await search('xylophone')).toEqual([])
  expect(await search('zeppelin')).toEqual([post.id])
})

test('pages of a search neither repeat nor leave out anything, while posts come and go', async () => {
  const author = anybody()
  const all: Post[] = []
  for (let i = 0; i < 12; i++) {
    all.push(await posts.write(author, { title: `quince ${i}`, content: 'quince '.repeat(1 + i % 3) }))
  }
  const complete = (await posts.pages('q=quince&limit=100')).flatMap(({ items }) => items.map(({ id }) => id))
  expect(new Set(complete)).toEqual(new Set(all.map(({ id }) => id)))
  const seen: string[] = []
  let gone: string | undefined
  for (let cursor = ''; ;) {
    const page = (await posts.call('GET', `/api/posts?q=quince&limit=5${cursor && `&cursor=${cursor}`}`)).json()
    seen.push(...page.items.map(({ id }: Post) => id))
    if (page.nextCursor === null) break
    cursor = page.nextCursor
    await posts.write(author, { title: 'quince quince quince', content: 'quince '.repeat(9) })
    await posts.write(author, { title: 'a lesser match', content: 'one quince' })
    gone ??= complete.at(-1)!
    await posts.call('DELETE', `/api/posts/${gone}`, { as: { userId: author } })
  }
  expect(seen).toEqual(complete.slice(0, -1))
})

test('of a word that is everywhere the newest matches are ranked, and paging through them ends', async () => {
  await posts.sql.query(
    `INSERT INTO posts (id, author_id, title, content, created_at, updated_at)
    SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, $1, 'ubiquitous', 'ubiquitous ' || i,
      now(), now() FROM generate_series(1, ${
      RANKED_MATCHES + 500
    }) i`,
    [userId]
  )
  const ids = (await posts.pages('q=ubiquitous&limit=100')).flatMap(({ items }) => items.map(({ id }) => id))
  expect(ids).toHaveLength(RANKED_MATCHES)
  expect(new Set(ids).size).toBe(RANKED_MATCHES)
  expect(parseInt(ids.at(-1)!.slice(-12), 16)).toBe(501)
})
