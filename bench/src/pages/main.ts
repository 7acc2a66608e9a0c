import { writeFile } from 'node:fs/promises'
import { describeMachine } from '../lab/machine.ts'
import { onGround } from '../lab/ground.ts'
import { median } from '../lab/statistics.ts'
import { fillFeed, fillPosts, PROLIFIC } from './rows.ts'
import { startServices } from './services.ts'

const PAGE = 20
const DEEP_PAGE = 10_000
const SAMPLES = 300
const SEARCHES = {
  'a rare word': 'w15000',
  'a word in 2 % of the posts': 'w100',
  'a word in nearly every post': 'w0',
  'two words': 'w100 w101',
  'a phrase': '"w0 w1"',
  'a word and not another': 'w100 -w0',
  'no word at all': '-w0'
}

interface Row {
  name: string
  first: number
  deep?: number
  found: number
}

/** The first and the ten-thousandth page of each list, and searches, over so many posts. */
export const benchPages = ({ rows }: { rows: number }) =>
  onGround(async (ground) => {
    const { urls, token, ownerUrl } = await startServices(ground, ['posts', 'feed'])
    console.log(`filling ${rows} posts …`)
    await fillPosts(ownerUrl('posts'), rows)
    await fillFeed(ownerUrl('feed'), rows)
    async function get (url: string) {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
      const page = await answer.json() as { items: unknown[], nextCursor: string | null }
      if (!answer.ok) throw new Error(`${url}: ${answer.status} ${JSON.stringify(page)}`)
      return page
    }
    /** The cursor before the deep page, or the last cursor of a shorter list. */
    async function deepCursor (list: string) {
      let cursor: string | null = null
      for (let skipped = 0; skipped < PAGE * (DEEP_PAGE - 1);) {
        const limit = Math.min(100, PAGE * (DEEP_PAGE - 1) - skipped)
        const page = await get(`${list}limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`)
        if (page.nextCursor === null) break
        cursor = page.nextCursor
        skipped += limit
      }
      return cursor
    }
    async function time (url: string) {
      const begun = performance.now()
      await get(url)
      return performance.now() - begun
    }
    async function compare (name: string, list: string): Promise<Row> {
      const cursor = await deepCursor(list)
      const samples = { first: [] as number[], deep: [] as number[] }
      for (let i = 0; i < SAMPLES; i++) { // in turns, so that a slow moment of the machine is slow for both
        samples.first.push(await time(`${list}limit=${PAGE}`))
        samples.deep.push(await time(`${list}limit=${PAGE}&cursor=${cursor}`))
      }
      return { name, first: median(samples.first), deep: median(samples.deep), found: PAGE }
    }
    async function search (name: string, q: string): Promise<Row> {
      const url = `${urls.posts}/api/posts?q=${encodeURIComponent(q)}`
      const { items } = await get(url)
      const samples: number[] = []
      for (let i = 0; i < SAMPLES / 10; i++) samples.push(await time(url))
      return { name: `search: ${name}`, first: median(samples), found: items.length }
    }
    const table = [
      await compare('all posts', `${urls.posts}/api/posts?`),
      await compare('posts of one author, a tenth of all', `${urls.posts}/api/posts?authorId=${PROLIFIC}&`),
      await compare('feed', `${urls.feed}/api/feed?`)
    ]
    for (const [name, q] of Object.entries(SEARCHES)) table.push(await search(name, q))
    const text = `# Pages over ${rows} posts

${describeMachine()}; one call at a time, straight to the service, medians in milliseconds.

${report(table)}
`
    await writeFile(new URL('../../results/pages.md', import.meta.url), text)
    console.log(`\n${text}`)
    const slow = table.filter(({ first, deep }) => deep !== undefined && deep / first > 1.5)
    if (slow.length > 0) {
      throw new Error(`deep pages are slower than first ones: ${
        slow.map(({ name }) => name).join(', ')
      }`)
    }
  })

function report (rows: Row[]) {
  const line = ({ name, first, deep, found }: Row) =>
    `| ${
      [name, first.toFixed(2), deep?.toFixed(2) ?? '', deep === undefined ? '' : (deep / first).toFixed(2), found]
        .join(' | ')
    } |`
  return `| what | page 1 | page ${DEEP_PAGE} | ratio | items |\n| --- | ---: | ---: | ---: | ---: |\n${
    rows.map(line).join('\n')
  }`
}
