// Builds what strangers install: `dist`, a package without the workspace's members.
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'tsdown'
import { contractSource, eventContractSource } from './contract-source.ts'
import { manifestOf } from './manifest.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const repository = join(root, '../..')
/** The sources with the contract written out. Below the package, so that they find what it depends on. */
const work = join(root, '.build')
const dist = join(root, 'dist')
const MAX_GZIP_BYTES = 14_000

await rm(work, { recursive: true, force: true })
await cp(join(root, 'src'), work, { recursive: true })
await writeFile(join(work, 'contract.ts'), contractSource())
await writeFile(join(work, 'event-contract.ts'), eventContractSource(await cloudEvent()))
await build({
  config: false,
  cwd: root,
  entry: { index: join(work, 'index.ts'), events: join(work, 'events.ts') },
  outDir: dist,
  platform: 'neutral',
  target: 'es2022',
  dts: { oxc: {} },
  deps: { neverBundle: [/^node:/] },
  fixedExtension: false,
  logLevel: 'warn'
})
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
await writeFile(join(dist, 'package.json'), `${JSON.stringify(manifestOf(manifest), undefined, 2)}\n`)
await cp(join(root, 'README.md'), join(dist, 'README.md'))
await cp(join(repository, 'LICENSE'), join(dist, 'LICENSE'))
await rm(work, { recursive: true })

const size = await gzipSizeOf('index.js')
process.stdout.write(`@gatepost/client: ${size} bytes of gzip, at most ${MAX_GZIP_BYTES}\n`)
if (size > MAX_GZIP_BYTES) process.exitCode = 1

/** The declaration of the envelope, as the contracts have it. */
async function cloudEvent () {
  const source = await readFile(join(repository, 'packages/contracts/src/event.ts'), 'utf8')
  return /\/\*\* A published event as subscribers receive it.*\nexport interface CloudEvent[^]*?\n\}\n/.exec(source)![0]
}

/** What a browser loads of an entry: the file and all that it imports. */
async function gzipSizeOf (entry: string): Promise<number> {
  const text = await readFile(join(dist, entry), 'utf8')
  const imported = [...text.matchAll(/from ["']\.\/([^"']+)["']/g)].map(([, name]) => gzipSizeOf(name!))
  return gzipSync(text).length + (await Promise.all(imported)).reduce((sum, bytes) => sum + bytes, 0)
}
