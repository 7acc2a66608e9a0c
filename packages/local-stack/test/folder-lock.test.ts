import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder } from '@gatepost/local-stack/folder-lock'
import { factsOf } from '@gatepost/local-stack/process-identity'

let folder: string
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'gatepost-lock-')) })
afterEach(() => rmSync(folder, { recursive: true }))

const HOLDER = `
import { lockFolder } from '@gatepost/local-stack/folder-lock'
const hold = () => { console.log('mine'); setInterval(() => {}, 1000) }
lockFolder(process.argv[1]).then(hold, (error) => console.log(error.name))
`

function contend () {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, folder], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  return { child, word: once(child.stdout, 'data').then(([text]) => String(text).trim()) }
}

async function end (child: ReturnType<typeof spawn>) {
  if (child.exitCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

/** A claim as its process would have left it long ago. */
function oldClaim (pid: number, birth: string) {
  const file = join(folder, `lock-${pid}-${birth}`)
  writeFileSync(file, '')
  utimesSync(file, 1e9, 1e9)
}

test('a folder of a living process is refused with its pid and age, and free once that process is killed', async () => {
  const { child, word } = contend()
  expect(await word).toBe('mine')
  await expect(lockFolder(folder)).rejects.toMatchObject({
    name: 'FolderLockedError',
    owner: { pid: child.pid, since: expect.any(Date) }
  })
  await end(child)
  const release = await lockFolder(folder)
  expect(readdirSync(folder)).toHaveLength(1)
  release()
  expect(readdirSync(folder)).toEqual([])
})

test('a claim whose pid is another process’s by now is stale', async () => {
  oldClaim(process.ppid, 'another-birth')
  await (await lockFolder(folder))()
  oldClaim(process.ppid, factsOf(process.ppid)!.birth)
  await expect(lockFolder(folder)).rejects.toMatchObject({ owner: { pid: process.ppid } })
})

test('of many that come at once, over a stale claim, exactly one has the folder', async () => {
  oldClaim(2 ** 22 + 1, 'dead-1')
  const contenders = Array.from({ length: 6 }, contend)
  const words = await Promise.all(contenders.map(({ word }) => word))
  await Promise.all(contenders.map(({ child }) => end(child)))
  expect(words.sort()).toEqual([
    'FolderLockedError',
    'FolderLockedError',
    'FolderLockedError',
    'FolderLockedError',
    'FolderLockedError',
    'mine'
  ])
}, 60_000)
