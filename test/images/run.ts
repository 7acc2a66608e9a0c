import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { declarations } from '@gatepost/contracts/declarations'
import { cacheFolders, writableFolder } from '@gatepost/local-stack/binaries/cache'
import { provideBaseImages } from './base-images.ts'
import { checkConfinement, checkLimits, walkReadme } from './checks.ts'
import { buildImages } from './contents.ts'
import { engineRoot, NoEngineError } from './engine-root.ts'
import { type Engine, root, runningEngine, startEngine } from './engine.ts'
import { composeSystem, type Container, type System } from './system.ts'

type Say = (line: string) => void

/** Between two faults, so that there is load in between. */
const UNDER_LOAD_MS = 2_000
const CLIENTS = 10
const SCALED = ['--scale', 'gateway=2', '--scale', 'posts=2']
/** Without the jobs, which are over. */
const CONTAINERS = { single: declarations.length + 4, scaled: declarations.length + 6 }
const KILLED = [...declarations.map(({ name }) => name), 'redis', 'nats', 'postgres', 'front']

/**
 * Builds, runs and breaks the images; rejects with the first thing that is not as it should be, or with a
 * `NoEngineError`.
 */
export async function testImages (say: Say): Promise<void> {
  const cache = join(await writableFolder(cacheFolders(process.env)), 'images')
  await mkdir(cache, { recursive: true })
  const found = await runningEngine()
  const engine = async (network: 'ours' | 'own') => found ?? startEngine(await engineRoot(cache), network)
  await withEngine(await engine('ours').catch(none), async (building) => {
    await provideBaseImages(building, cache, say)
    await buildImages(building, say)
  })
  await withEngine(await engine('own'), (running) => runAndBreak(running, say))
}

function none (cause: Error): never {
  throw cause instanceof NoEngineError ? cause : new NoEngineError(cause.message, { cause })
}

async function withEngine (engine: Engine, work: (engine: Engine) => Promise<void>) {
  const interrupted = Promise.withResolvers<never>()
  const interrupt = () => interrupted.reject(new Error('interrupted'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt)
  try {
    await Promise.race([work(engine), interrupted.promise])
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt)
    await engine.stop()
  }
}

async function runAndBreak (engine: Engine, say: Say) {
  const system = await composeSystem(engine)
  const step = async (name: string, work: () => Promise<unknown>) => {
    const started = performance.now()
    await work()
    say(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`)
  }
  try {
    await system.compose('config', '--quiet')
    await step('ready', () => up(system))
    await step('the README', () => walkReadme(engine, system))
    await step('confinement', () => checkConfinement(engine, system))
    await step('two gateways, two posts', () => up(system, 'scaled'))
    await step('limits', () => checkLimits(engine, system))
    await step('kills under load', () => killUnderLoad(engine, system, say))
    await step('stopped', () => stop(system))
    await step('ready again', () => up(system, 'scaled'))
    await step('backup and restore', () => system.saveAndRestore())
    await step('ready once more', () => up(system))
    await step('audit', () => audit(system))
  } finally {
    await system.remove()
  }
}

async function up (system: System, size: keyof typeof CONTAINERS = 'single') {
  await system.compose('up', '--detach', ...size === 'scaled' ? SCALED : [])
  await system.healthy(CONTAINERS[size])
}

async function killUnderLoad (engine: Engine, system: System, say: Say) {
  const [program, ...args] = engine
    .near([process.execPath, join(root, 'test/images/load.ts'), system.origin, String(CLIENTS)])
  const load = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const report = text(load.stdout)
  try {
    for (const service of KILLED) {
      await sleep(UNDER_LOAD_MS)
      await crash(engine, (await system.containers()).find((container) => container.service === service)!)
      await sleep(UNDER_LOAD_MS)
      await system.healthy(CONTAINERS.scaled)
    }
  } finally {
    load.kill('SIGTERM')
  }
  const { posts, missing, statuses } = JSON.parse(await report) as Record<string, unknown>
  say(`${posts} posts acknowledged, ${missing} missing; answers: ${JSON.stringify(statuses)}`)
  if (missing !== 0 || posts === 0) throw new Error('posts that were acknowledged are gone')
  await audit(system)
}

/** As a crash where this user may; else Docker kills it, and takes that for a wish. */
async function crash (engine: Engine, { id, pid }: Container) {
  if (process.getuid!() === 0) return process.kill(pid, 'SIGKILL')
  await engine.docker(['kill', id])
  await engine.docker(['start', id])
}

/** Rejects when rows, outboxes, stream and feed disagree. */
const audit = (system: System) => system.compose('run', '--rm', '--no-deps', 'events', 'audit', '--wait', '60')

async function stop (system: System) {
  await system.compose('stop')
  const failed = (await system.containers()).filter(({ exitCode }) => exitCode !== 0)
  if (failed.length > 0) {
    throw new Error(failed.map(({ service, exitCode }) => `${service} ended with ${exitCode}`).join('\n'))
  }
}
