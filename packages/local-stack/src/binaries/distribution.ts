import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)

type Env = Readonly<Record<string, string | undefined>>

/** Downloads the distribution's packages and unpacks them into `root`; the system stays as it is. */
export async function unpackDistribution (
  { packages }: { packages: readonly string[] },
  work: string,
  root: string,
  env: Env = process.env
): Promise<void> {
  await download(packages, work, env)
  for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
    await exec('dpkg', ['-x', join(work, file), root], { env })
  }
}

/** What a program unpacked below `root` needs in its environment to find the libraries that came with it. */
export async function librariesIn (root: string): Promise<Record<string, string>> {
  const names = await readdir(join(root, 'usr/lib')).catch(() => [])
  const folders = names.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(root, 'usr/lib', name))
  return folders.length > 0 ? { LD_LIBRARY_PATH: folders.join(':') } : {}
}

async function download (packages: readonly string[], folder: string, env: Env) {
  const options = [
    '-o',
    'APT::Sandbox::User=',
    '-o',
    'Acquire::Retries=1',
    '-o',
    'Acquire::http::Timeout=10',
    '-o',
    'Acquire::https::Timeout=10'
  ]
  const get = (...args: string[]) => exec('apt-get', ['-q', ...options, ...args], { cwd: folder, env }).catch(readably)
  try {
    await get('download', ...packages)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error
    // The package lists may be missing or old; a copy of our own leaves the system as it is and needs no privilege.
    const lists = join(folder, 'lists')
    await mkdir(join(lists, 'partial'), { recursive: true })
    options.push('-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${folder}`)
    await get('update')
    await get('download', ...packages)
  }
}

function readably (error: NodeJS.ErrnoException): never {
  if (error.code === 'ENOENT') error.message = 'there is no apt-get here'
  throw error
}
