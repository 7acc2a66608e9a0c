import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadOnce } from '../src/load-once.ts'

test('a value is loaded once for all callers, and again after a failed load', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'load-once-'))
  const file = join(folder, 'value')
  let loads = 0
  const get = loadOnce(() => {
    loads++
    return readFile(file, 'utf8')
  })
  await expect(Promise.allSettled([get(), get()])).resolves.toMatchObject([{ status: 'rejected' }, {
    status: 'rejected'
  }])
  await writeFile(file, 'there')
  expect(await Promise.all([get(), get()])).toEqual(['there', 'there'])
  await rm(folder, { recursive: true })
  expect([await get(), loads]).toEqual(['there', 2])
})
