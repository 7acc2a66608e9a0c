import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Engine, root } from './engine.ts'

/** Bytes, unpacked. */
const LIMITS = { whole: 320e6, ours: 90e6 }
const IMAGES = { service: 'gatepost', tools: 'gatepost-tools' }

/** Runs inside: what dpkg and node_modules hold, a line each: `deb name version`, `npm name version`. */
const LIST = `
dpkg-query -W -f 'deb \${Package} \${Version}\\n'
node -e '
for (const path of require("node:fs").globSync("node_modules/.pnpm/*/node_modules/{*,@*/*}/package.json")) {
  const { name, version } = require("./" + path)
  if (version) console.log("npm", name, version)
}'`

/** Builds both images as deploy/Dockerfile says, and lists what is in them as CycloneDX. */
export async function buildImages (engine: Engine, say: (line: string) => void): Promise<void> {
  for (const [target, tag] of Object.entries(IMAGES)) {
    const started = performance.now()
    await engine
      .docker(['build', ...engine.buildOptions, '-f', 'deploy/Dockerfile', '--target', target, '-t', tag, '.'])
    say(`built ${tag} in ${((performance.now() - started) / 1000).toFixed(0)} s`)
  }
  const dockerfile = await readFile(join(root, 'deploy/Dockerfile'), 'utf8')
  const base = await imageSize(engine, /^FROM (\S+) AS base$/m.exec(dockerfile)![1]!)
  for (const tag of Object.values(IMAGES)) {
    const whole = await imageSize(engine, tag)
    const packages = await listContents(engine, tag)
    say(`${tag}: ${megabytes(whole)} MB unpacked, ${megabytes(whole - base)} of it ours, ${packages} packages`)
    if (whole > LIMITS.whole || whole - base > LIMITS.ours) {
      throw new Error(`${tag} is larger than ${megabytes(LIMITS.whole)} MB, ${megabytes(LIMITS.ours)} of it ours`)
    }
  }
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)

async function imageSize (engine: Engine, name: string) {
  return Number(await engine.docker(['image', 'inspect', '--format', '{{.Size}}', name]))
}

/** Writes the list of packages of an image; resolves with their number. */
async function listContents (engine: Engine, tag: string) {
  const text = await engine.docker(['run', '--rm', '--network', 'none', tag, 'sh', '-ec', LIST])
  const lines = [...new Set(text.trim().split('\n'))].map((line) => line.split(' ') as [string, string, string])
  const components = lines.map(([type, name, version]) => ({
    type: 'library',
    name,
    version,
    purl: `pkg:${type === 'deb' ? 'deb/debian' : 'npm'}/${name.replace('@', '%40')}@${version}`
  }))
  const folder = join(root, '.data/images')
  await mkdir(folder, { recursive: true })
  const list = { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components }
  await writeFile(join(folder, `${tag}.cdx.json`), `${JSON.stringify(list, null, 1)}\n`)
  return components.length
}
