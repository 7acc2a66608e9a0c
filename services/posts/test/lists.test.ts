import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Post } from '@gatepost/contracts/posts/schemas'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

let posts: PostsUnderTest
const [anna, ben] = [anybody(), anybody()]
const written: Post[] = []
beforeAll(async () => {
  posts = await startPosts()
  for (let i = 0; i < 25; i++) written.push(await posts.write(i % 5 === 0 ? ben : anna, { title: `number ${i}` }))
})
afterAll(() => posts.stop())

const ids = (items: Post[]) => items.map(({ id }) => id)
const newestFirst = (userId?: string) => ids(written.filter(({ authorId }) => !userId || authorId === userId)).reverse()
const list = (query: string) => posts.call('GET', `/api/posts${query}`)

test('without filters everything is listed, newest first, 20 a page, complete and without a repetition', async () => {
  const pages = await posts.pages('')
  expect(pages.map(({ items }) => items.length)).toEqual([20, 5])
  expect(pages.flatMap(({ items }) => items)).toEqual([...written].reverse())
})

test.each([1, 4, 5, 100])('a list by author with a limit of %i is the same list', async (limit) => {
  const pages = await posts.pages(`authorId=${ben}&limit=${limit}`)
  expect(ids(pages.flatMap(({ items }) => items))).toEqual(newestFirst(ben))
  for (const { items } of pages) expect(items.length).toBeGreaterThan(0)
})

test('an author without posts has an empty last page', async () => {
  expect((await list(`?authorId=${anybody()}`)).json()).toEqual({ items: [], nextCursor: null })
})

test('what is written or deleted while somebody pages neither repeats nor hides anything else', async () => {
  const author = anybody()
  const before: Post[] = []
  for (let i = 0; i < 6; i++) before.push(await posts.write(author))
  const first = (await list(`?authorId=${author}&limit=2`)).json()
  await posts.write(author)
  await posts.call('DELETE', `/api/posts/${first.items[1].id}`, { as: { userId: author } })
  await posts.call('DELETE', `/api/posts/${before[2]!.id}`, { as: { userId: author } })
  const second = (await list(`?authorId=${author}&limit=10&cursor=${first.nextCursor}`)).json()
  expect(ids([...first.items, ...second.items])).toEqual(ids([5, 4, 3, 1, 0].map((i) => before[i]!)))
  expect(second.nextCursor).toBeNull()
})

test('a cursor that was changed, made up, or comes from another list is 400 POSTS_INVALID_CURSOR', async () => {
  const cursors = {
    all: (await list('?limit=1')).json().nextCursor,
    anna: (await list(`?limit=1&authorId=${anna}`)).json().nextCursor,
    search: (await list('?limit=1&q=number')).json().nextCursor,
    annaSearch: (await list(`?limit=1&q=number&authorId=${anna}`)).json().nextCursor
  }
  const queries = {
    all: '',
    anna: `authorId=${anna}`,
    search: 'q=number',
    annaSearch: `q=number&authorId=${anna}`,
    ben: `authorId=${ben}`,
    otherSearch: 'q=numbers'
  }
  for (const [from, cursor] of Object.entries(cursors)) {
    for (const [to, query] of Object.entries(queries)) {
      const answer = await list(`?cursor=${cursor}&${query}`)
      expect(answer.statusCode, `${from} → ${to}`).toBe(from === to ? 200 : 400)
      if (from !== to) expect(answer.json().code).toBe('POSTS_INVALID_CURSOR')
    }
  }
  const changed = cursors.all.slice(0, -1) + (cursors.all.endsWith('A') ? 'B' : 'A')
  for (
    const cursor of [
      changed,
      cursors.all.slice(1),
      `${cursors.all}AA`,
      'A',
      Buffer.from(JSON.stringify([written[3]!.id])).toString('base64url')
    ]
  ) {
    expect((await list(`?cursor=${cursor}`)).json().code, cursor).toBe('POSTS_INVALID_CURSOR')
  }
})

test('a cursor may be used with another limit, at another process, after a restart', async () => {
  const { items, nextCursor } = (await list(`?limit=2&authorId=${anna}`)).json()
  await posts.restart()
  const rest = (await list(`?limit=100&authorId=${anna}&cursor=${nextCursor}`)).json()
  expect(ids([...items, ...rest.items])).toEqual(newestFirst(anna))
})

test.each([
  '?limit=0',
  '?limit=101',
  '?limit=x',
  '?limit=1.5',
  '?limit=1&limit=2',
  '?authorId=me',
  '?q=',
  '?q=%00',
  '?q=a%0Ab',
  '?cursor=',
  '?cursor=%2B',
  '?page=2',
  `?q=${'a'.repeat(201)}`
])('%s is 400', async (query) => {
  expect((await list(query)).statusCode).toBe(400)
})
