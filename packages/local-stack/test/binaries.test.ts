import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type BinarySource, findBinary } from '@gatepost/local-stack/binaries'

const NAME = 'test-server'
let folder: string
let env: Record<string, string>
const source: BinarySource = {
  name: NAME,
  variable: 'TEST_SERVER_BIN',
  packages: ['no-such-package'],
  install: 'https://example.org/install'
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatepost-binaries-'))
  env = { PATH: join(folder, 'path'), GATEPOST_CACHE: join(folder, 'cache') }
})
afterEach(() => rmSync(folder, { recursive: true }))

function program (...path: string[]) {
  const file = join(folder, ...path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, '#!/bin/sh\n')
  chmodSync(file, 0o755)
  return file
}

test('one that the variable names comes before one on PATH, and that before one in the cache', async () => {
  const cached = program('cache', `${NAME}-distribution`, 'usr/sbin', NAME)
  expect((await findBinary(source, { env })).path).toBe(cached)
  const onPath = program('path', NAME)
  expect((await findBinary(source, { env })).path).toBe(onPath)
  const named = program('mine', 'other-name')
  expect((await findBinary(source, { env: { ...env, TEST_SERVER_BIN: named } })).path).toBe(named)
})

test('a variable that names no program is an error, not a reason to take another one', async () => {
  program('path', NAME)
  await expect(findBinary(source, { env: { ...env, TEST_SERVER_BIN: join(folder, 'missing') } })).rejects
    .toThrow(/TEST_SERVER_BIN is .*missing, which is no program/)
})

test('libraries that were unpacked with a program are found by it', async () => {
  program('cache', `${NAME}-distribution`, 'usr/bin', NAME)
  const libraries = join(folder, 'cache', `${NAME}-distribution`, 'usr/lib/x86_64-linux-gnu')
  mkdirSync(libraries, { recursive: true })
  expect((await findBinary(source, { env })).env).toEqual({ LD_LIBRARY_PATH: libraries })
})

test('a release is downloaded once, and only the program with the pinned hash is kept', async () => {
  program('archive', `${NAME}-v1`, NAME)
  const archive = join(folder, 'release.tar.gz')
  execFileSync('tar', ['-czf', archive, '-C', join(folder, 'archive'), `${NAME}-v1`])
  const bytes = readFileSync(archive)
  let downloads = 0
  const server = createServer((_request, response) => { downloads++; response.end(bytes) }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/release.tar.gz`
    const pinned = (sha256: string): BinarySource => ({
      ...source,
      release: { version: '1', archives: { [`${process.platform}-${process.arch}`]: { url, sha256 } } }
    })

    await expect(findBinary(pinned('0'.repeat(64)), { env })).rejects
      .toThrow(/the download has SHA-256 .* in place of 000/)
    expect(readdirSync(env.GATEPOST_CACHE!)).toEqual([])

    const said: string[] = []
    const good = pinned(createHash('sha256').update(bytes).digest('hex'))
    const { path } = await findBinary(good, { env, say: (line) => said.push(line) })
    expect(said).toEqual([`fetching ${NAME} (once) …`])
    expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\n')
    await findBinary(good, { env, say: (line) => said.push(line) })
    expect({ downloads, said: said.length }).toEqual({ downloads: 2, said: 1 })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('without any way to have it, one line says what was tried and what to do; nothing is left behind', async () => {
  const release = {
    version: '1',
    archives: { [`${process.platform}-${process.arch}`]: { url: 'http://127.0.0.1:1/release.tar.gz', sha256: '' } }
  }
  const failure = await findBinary({ ...source, release }, { env }).catch((error: Error) => error.message)
  expect(failure).toMatch(
    /^test-server is not on this machine and could not be fetched \(127\.0\.0\.1:1: .+; there is no apt-get here\)\. /
  )
  expect(failure).toMatch(
    /\. Install it \(https:\/\/example\.org\/install\), or name one with TEST_SERVER_BIN, and start again\.$/
  )
  expect(existsSync(env.GATEPOST_CACHE!) ? readdirSync(env.GATEPOST_CACHE!) : []).toEqual([])
})

test('where a home cannot be written, the binary is kept in the spare folder and found there again', async () => {
  const home = program('home')
  const release = {
    version: '1',
    archives: { [`${process.platform}-${process.arch}`]: { url: 'http://127.0.0.1:1/release.tar.gz', sha256: '' } }
  }
  const without = { PATH: env.PATH!, HOME: home }
  const spare = join(folder, 'spare')
  await expect(findBinary({ ...source, release }, { env: without, spare })).rejects
    .toThrow(/could not be fetched \(127\.0\.0\.1:1/)
  expect(existsSync(spare)).toBe(true)
  const kept = program('spare', `${NAME}-1`, NAME)
  expect((await findBinary({ ...source, release }, { env: without, spare })).path).toBe(kept)
})

test('a cache that cannot be written is named with its variable', async () => {
  const file = program('file')
  await expect(findBinary(source, {
    env: { ...env, GATEPOST_CACHE: join(file, 'cache') },
    spare: join(folder, 'spare')
  })).rejects
    .toThrow(`${NAME} is not on this machine and cannot be kept: ${
      join(file, 'cache')
    } cannot be written (ENOTDIR): name a folder that can with GATEPOST_CACHE`)
})
