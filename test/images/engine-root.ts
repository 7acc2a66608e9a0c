import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './program.ts'

/** The Debian release whose Docker is new enough for docker-compose.yml. */
const SUITE = 'trixie'
const PACKAGES = 'ca-certificates,iptables,iproute2,procps,docker.io,docker-cli,docker-compose,docker-buildx'

/** There is no Docker here, and none can be made; the message says why. */
export class NoEngineError extends Error {
  override name = 'NoEngineError'
}

/** Throws a {@link NoEngineError} that says what is missing here for an engine of our own. */
function refuseWithoutMeans () {
  const missing = [
    process.platform !== 'linux' && 'Linux',
    process.getuid?.() !== 0 && 'root',
    !existsSync('/usr/bin/apt-get') && 'apt-get',
    !existsSync('/usr/share/keyrings/debian-archive-keyring.gpg') && 'Debian’s keyring'
  ].filter(Boolean)
  if (missing.length > 0) {
    throw new NoEngineError(`no Docker runs here, and none can be made without ${missing.join(', ')}`)
  }
}

/** A folder with a Debian system that has Docker, made once. */
export async function engineRoot (cache: string): Promise<string> {
  refuseWithoutMeans()
  const folder = join(cache, `docker-${SUITE}`)
  if (!existsSync(folder)) await debootstrap(cache, SUITE, PACKAGES, folder)
  return folder
}

/** Puts a minimal Debian system into a folder. Debootstrap is taken out of its package; this system stays as it is. */
export async function debootstrap (cache: string, suite: string, packages: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(cache, 'debootstrap-'))
  try {
    await run(['apt-get', '-q', '-o', 'APT::Sandbox::User=', 'update'], { mayFail: true })
    await run(['apt-get', '-q', '-o', 'APT::Sandbox::User=', 'download', 'debootstrap'], { cwd: work })
    const [archive] = (await readdir(work)).filter((name) => name.endsWith('.deb'))
    await run(['dpkg', '-x', archive!, '.'], { cwd: work })
    const root = join(work, 'root')
    await run(
      [join(work, 'usr/sbin/debootstrap'), '--variant=minbase', `--include=${packages}`, suite, root, await mirror()],
      { env: { DEBOOTSTRAP_DIR: join(work, 'usr/share/debootstrap') } }
    )
    await run(['rm', '-rf', ...['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man'].map((path) =>
      join(root, path)
    )])
    await rename(root, folder)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Where apt has its packages from. */
async function mirror () {
  const targets = await run(['apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Label: Debian'])
  return targets.split('\n')[0] || 'http://deb.debian.org/debian'
}
