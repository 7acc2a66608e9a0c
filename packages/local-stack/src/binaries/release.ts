import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A project's own archives: one per platform, each pinned by its SHA-256. */
export interface Release {
  version: string
  /** By `<platform>-<arch>` as Node names them. */
  archives: Readonly<Record<string, { url: string, sha256: string }>>
}

const VERSION = '2.14.5'
const archive = (platform: string, sha256: string) => ({
  url:
    `https://github.com/nats-io/nats-server/releases/download/v${VERSION}/nats-server-v${VERSION}-${platform}.tar.gz`,
  sha256
})

/** A new version is a new set of hashes from the SHA256SUMS of its release. */
export const NATS_RELEASE: Release = {
  version: VERSION,
  archives: {
    'linux-x64': archive('linux-amd64', '5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355'),
    'linux-arm64': archive('linux-arm64', '673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c'),
    'darwin-x64': archive('darwin-amd64', 'f95c98d6b6ed2b63c5681b46b092c9585c99767d547cf495730c329234625e96'),
    'darwin-arm64': archive('darwin-arm64', 'ddd907854d9a2de834af133fa396915fe6442fe6d8909ae31390d1ea7a0fea50')
  }
}

/** Time to the first byte: a network that drops packets costs seconds, not minutes. */
const ANSWER_TIMEOUT_MS = 5_000
const DOWNLOAD_TIMEOUT_MS = 180_000

/** Downloads the archive for this platform, refuses it when its hash is another, and leaves the program in `root`. */
export async function unpackRelease (
  { name, release }: { name: string, release?: Release },
  work: string,
  root: string
): Promise<void> {
  const platform = `${process.platform}-${process.arch}`
  const wanted = release?.archives[platform]
  if (!release || !wanted) throw new Error(`there is no official archive for ${platform}`)
  const bytes = await download(wanted.url)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (sha256 !== wanted.sha256) throw new Error(`the download has SHA-256 ${sha256} in place of ${wanted.sha256}`)
  const file = join(work, 'release.tar.gz')
  await writeFile(file, bytes)
  await promisify(execFile)('tar', ['-xzf', file, '-C', work, '--strip-components=1'])
  await mkdir(root)
  await rename(join(work, name), join(root, name))
  await chmod(join(root, name), 0o755)
}

async function download (url: string) {
  const early = new AbortController()
  const timer = setTimeout(() => early.abort(new Error('no answer in time')), ANSWER_TIMEOUT_MS)
  const { host } = new URL(url)
  try {
    const answer = await fetch(url, {
      signal: AbortSignal.any([early.signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)])
    })
    clearTimeout(timer)
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    return Buffer.from(await answer.arrayBuffer())
  } catch (cause) {
    const { message, cause: deeper } = cause as Error & { cause?: Error }
    throw new Error(`${host}: ${deeper?.message || message}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}
