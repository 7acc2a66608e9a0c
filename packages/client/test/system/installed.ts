import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, readFile, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { eventually } from '@gatepost/testing/eventually'
import type { System } from '@gatepost/testing/system'
import { publint } from 'publint'
import { beforeAll, expect, test } from 'vitest'
import { complaints, ownPlaces, root, run, type Installed } from '../support/installed.ts'
import { long } from '../support/extent.ts'

const here = (name: string) => new URL(name, import.meta.url)

/** What a stranger finds in the tarball. */
export function installed (given: () => { client: Installed, system: System }) {
  let client: Installed
  let system: System
  beforeAll(async () => {
    ;({ client, system } = given())
    await writeFile(join(client.folder, 'where.js'), `export const baseUrl = '${system.gatewayUrl}'\n`)
    await writeFile(join(client.folder, 'where.d.ts'), 'export declare const baseUrl: string\n')
  })

  /** Checks a module against the types of the tarball, and leaves what Node 20 runs beside it. */
  async function place (name: string, source: string) {
    await writeFile(join(client.folder, `${name}.ts`), source)
    await writeFile(join(client.folder, `${name}.js`), stripTypeScriptTypes(source))
  }

  test('publint and attw have nothing to say', async () => {
    const { messages } = await publint({ pkgDir: client.package, strict: true, pack: false })
    expect(messages).toEqual([])
    const tarball = createPackageFromTarballData(await readFile(client.tarball))
    const analysis = await checkPackage(tarball)
    if (analysis.types === false) throw new Error('it has no types')
    const problems: { kind: string }[] = analysis.problems
    // A package of ES modules says so of itself; `require` of it works from Node 20.19 on.
    expect(problems.filter(({ kind }) => kind !== 'CJSResolvesToESM')).toEqual([])
  })

  test('the HTTP entry is small, and has no Node built-in, no dependency and nothing of TypeBox', async () => {
    const bytes = Number(/(\d+) bytes of gzip/.exec(client.built)![1])
    expect(bytes).toBeLessThanOrEqual(14_000)
    const [code, types, manifest] = await Promise.all(['index.js', 'index.d.ts', 'package.json'].map((name) =>
      readFile(join(client.package, name), 'utf8')
    ))
    expect([...code!.matchAll(/\bfrom ["']([^"']+)/g)].map(([, name]) => name)).toEqual([])
    expect(types! + code! + manifest!).not.toMatch(/typebox|@gatepost\/(?!client)|node:|workspace:|catalog:/i)
  })

  test('thirty lines under strict register, post, page, follow events and log out, on each Node there is', async () => {
    await place('program', await readFile(here('program.ts'), 'utf8'))
    // Without types of Node, and with all declarations checked: as a page's program would be.
    expect(await complaints(client.folder, ['program.ts'], ['--lib', 'es2022,dom'])).toBe('')
    const nodes = [process.execPath, ...await otherNodes(client.folder)]
    const versions = await Promise.all(nodes.map(async (node) => {
      const { stdout } = await run(node, ['program.js'], { cwd: client.folder })
      expect(JSON.parse(stdout)).toEqual({
        titles: ['three', 'two', 'one'],
        followed: ['one', 'two', 'three'],
        session: null,
        refusal: 'TOKEN_REQUIRED'
      })
      return (await run(node, ['--version'])).stdout.trim()
    }))
    process.stdout.write(`The client's tarball was used on Node ${versions.join(', ')}\n`)
  }, 60_000)

  test('the README’s examples compile under strict, and print what they say', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
    const examples = [...readme.matchAll(/^ *```ts\n([^]*?)^ *```$/gm)].map(([, code]) => code!)
    expect(examples).toHaveLength(10)
    const source = examples.join('\n').replaceAll('http://127.0.0.1:3000', system.gatewayUrl)
      .replaceAll('nats://127.0.0.1:4222', system.natsUrl)
    const expected = [...source.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line!)
    await place('readme', source)
    await writeFile(
      join(client.folder, 'contract-types.ts'),
      (await readFile(here('contract-types.ts'), 'utf8')).replaceAll('../../src', join(root, 'packages/client/src'))
    )
    expect(await complaints(client.folder, ['readme.ts', 'contract-types.ts'], [
      '--skipLibCheck',
      '--lib',
      'esnext',
      '--allowImportingTsExtensions',
      '--typeRoots',
      join(root, 'node_modules/@types'),
      '--types',
      'node'
    ])).toBe('')

    const program = spawn(process.execPath, ['readme.js'], {
      cwd: client.folder,
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const ended = once(program, 'exit')
    let printed = ''
    program.stdout.on('data', (chunk) => { printed += chunk })
    await eventually(() => expect(printed).toMatch(patternOf(expected)), { withinMs: 20_000 })
    program.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  }, 60_000)
}

const patternOf = (lines: string[]) =>
  new RegExp(`^${lines.join('\n').split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*')}\n$`)

/** The Node of the machine, where it is another one; in the long form also the newest Node 22. */
async function otherNodes (folder: string): Promise<string[]> {
  const found: string[] = []
  for (const place of ownPlaces) {
    const node = join(place, 'node')
    if (await access(node, constants.X_OK).then(() => true, () => false)) {
      found.push(node)
      break
    }
  }
  if (long) {
    const prefix = join(folder, 'node-22')
    await run('npm', ['install', '--no-audit', '--no-fund', '--no-save', '--prefix', prefix, 'node@22'])
    found.push(join(prefix, 'node_modules/node/bin/node'))
  }
  return found
}
