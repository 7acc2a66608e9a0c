import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { bareEnvironment } from '@gatepost/testing/environment'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readArchive, writeArchive } from '../../scripts/backup/archive.ts'

const script = fileURLToPath(new URL('../../scripts/backup.ts', import.meta.url))
let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatepost-backup-files-'))
  file = join(folder, 'backup')
})
afterAll(() => rm(folder, { recursive: true }))

let asked = 0
async function * entries () {
  asked++
  yield { header: { kind: 'gatepost-backup', version: 1 }, chunks: [Buffer.alloc(5_000, 'bytes')] }
}

test('a place where no backup can be written is refused before anything is copied', async () => {
  await writeFile(file, 'the last one')
  const write = (name: string, replace = false) => expect(writeArchive(name, entries(), { replace })).rejects
  await write(file).toThrow(`there is a file ${file}: --replace would lose it`)
  await write(folder).toThrow(`${folder} is a folder: name a file`)
  await write(folder, true).toThrow(`${folder} is a folder: name a file`)
  await write(join(folder, 'none', 'backup')).toThrow(`there is no folder ${join(folder, 'none')}`)
  expect(asked).toBe(0)
  expect(await readFile(file, 'utf8')).toBe('the last one')
  await writeArchive(file, entries(), { replace: true })
  for await (const { header } of readArchive(file)) expect(header.version).toBe(1)
})

test('a file that is no backup, or not a whole one, is refused in one line without text of a library', async () => {
  const whole = await readFile(file)
  const json = '{"kind":'
  const contents: Record<string, [string | Buffer, string]> = {
    text: ['no backup at all', 'is no backup, or a damaged one'],
    zipped: [gzipSync('a text that somebody has compressed'), 'is no backup, or a damaged one'],
    json: [gzipSync(`\0\0\0${String.fromCharCode(json.length)}${json}`), 'is no backup, or a damaged one'],
    empty: ['', 'is no whole backup: it is cut off'],
    cut: [whole.subarray(0, whole.length - 20), 'is no whole backup: it is cut off']
  }
  const restore = (name: string) =>
    promisify(execFile)(process.execPath, [script, 'restore', name], { env: bareEnvironment }).catch((error) => error)
  await Promise.all([
    ...Object.entries(contents).map(async ([name, [content, fault]]) => {
      await writeFile(join(folder, name), content)
      expect(await restore(join(folder, name)))
        .toMatchObject({ code: 1, stderr: `backup: ${join(folder, name)} ${fault}\n` })
    }),
    restore(folder).then((refusal) => expect(refusal.stderr).toBe(`backup: ${folder} is a folder\n`)),
    restore(join(folder, 'none')).then((refusal) =>
      expect(refusal.stderr).toBe(`backup: ${join(folder, 'none')} does not exist\n`)
    )
  ])
})
