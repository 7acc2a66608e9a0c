import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const run = promisify(execFile)
export const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** Where programs of the machine are, such as its own Node, without those of the workspace. */
export const ownPlaces = (process.env.PATH ?? '').split(delimiter).filter((place) => !place.includes('node_modules'))

export type Installed = Awaited<ReturnType<typeof installTarball>>

/** The tarball, made as the README says, and a folder of a stranger who has installed it. */
export async function installTarball () {
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-client-'))
  const { stdout: built } = await run('npx', [
    '-y',
    'pnpm@12',
    '--filter',
    '@gatepost/client',
    'pack',
    '--pack-destination',
    folder
  ], { cwd: root })
  const tarball = join(folder, (await readdir(folder)).find((name) => name.endsWith('.tgz'))!)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await run('npm', ['install', '--engine-strict', '--prefer-offline', '--no-audit', '--no-fund', tarball], {
    cwd: folder,
    env: { ...process.env, PATH: ownPlaces.join(delimiter) }
  })
  return {
    folder,
    tarball,
    /** What the build said. */
    built,
    package: join(folder, 'node_modules/@gatepost/client'),
    remove: () => rm(folder, { recursive: true, force: true })
  }
}

/** Type-checks files of a stranger's folder under `strict`; what the compiler complains of. */
export async function complaints (folder: string, files: string[], options: string[] = []): Promise<string> {
  const checked = run(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    ...options,
    ...files
  ], { cwd: folder })
  return checked.then(() => '', ({ stdout }: { stdout: string }) => stdout)
}
