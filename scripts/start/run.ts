import { join, relative, resolve } from 'node:path'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'
import { declarations } from '@gatepost/contracts/declarations'
import { consoleLink, consoleSecrets, tracingSettings } from '@gatepost/local-stack/console'
import { startSystem } from '@gatepost/local-stack/system'
import { UnsafeStreamError } from '@gatepost/events/provision'
import { refreshClients } from '../clients.ts'
import { connectionFault } from '../connection-fault.ts'
import { deploy } from '../migrate/deploy.ts'
import { addresses, hasConsole, portsOf } from './addresses.ts'
import { embeddedBroker } from './broker.ts'
import { runConsole } from './console.ts'
import { emptyDataFolder, lockDataFolder } from './data-folder.ts'
import { isLauncherGone, launchers } from './launchers.ts'
import { relayOutput } from './output.ts'
import { refuseUnusable } from './refusals.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const dataDir = resolve(root, process.env.GATEPOST_DATA || '.data')
const say = (line: string) => { process.stdout.write(`${line}\n`) }

async function start (fresh: boolean) {
  const ports = portsOf(process.env)
  await lockDataFolder(dataDir)
  await refuseUnusable({ root, ports, env: process.env, dataDir })
  if (fresh) await emptyDataFolder(dataDir)
  for (const service of await refreshClients()) say(`generated the Prisma client of ${service}: its schema changed`)
  say(`starting PostgreSQL, NATS, ${declarations.map(({ name }) => name).join(', ')} …`)
  const output = relayOutput(join(dataDir, 'logs'), say)
  const broker = await embeddedBroker(dataDir)
  const secrets = hasConsole(process.env) ? consoleSecrets() : undefined
  const env = { ...process.env, ...(secrets && tracingSettings(ports, secrets, process.env)) }
  const system = await startSystem({
    root,
    dataDir,
    ports,
    env,
    say,
    onOutput: output.onOutput,
    ...broker,
    provision: (url) => broker.provision(url).catch((error) => {
      throw process.env.NATS_URL && !(error instanceof UnsafeStreamError) ? connectionFault('NATS_URL', error) : error
    }),
    migrate: async (service, url) => {
      const applied = await deploy(service, url)
      if (applied.length > 0) say(`applied ${applied.length} migration${applied.length > 1 ? 's' : ''} of ${service}`)
    }
  })
  const child =
    secrets && (await runConsole({ root, ports, env, dataDir, system, secrets, say, onOutput: output.onOutput }))
  output.ready()
  return {
    broken: system.broken,
    consoleLink: child && consoleLink(ports, secrets!),
    async stop () {
      await child?.stop()
      await system.stop()
    }
  }
}

/**
 * Resolves with the cause once this process is told to stop. A second signal ends it at once; that a launcher ends as
 * well is none.
 */
function untilTold () {
  let signals = 0
  return new Promise<string>((resolve) => {
    const heed = (signal: NodeJS.Signals) => {
      if (++signals > 1) process.exit(1)
      resolve(signal)
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, heed)
    // Node forgets that nohup had SIGHUP ignored; a run without a terminal has none to lose.
    process.on('SIGHUP', (signal) => {
      if ([0, 1, 2].some((descriptor) => isatty(descriptor))) heed(signal)
    })
    const startedBy = launchers()
    setInterval(() => {
      if (isLauncherGone(startedBy)) resolve('what started us is gone')
    }, 500).unref()
  })
}

/** Runs the system until it is told to stop or a part of it ends; resolves with the exit code. */
export async function runUntilTold ({ fresh }: { fresh: boolean }): Promise<0 | 1> {
  const started = performance.now()
  const shown = relative(process.cwd(), dataDir) || '.'
  const told = untilTold()
  try {
    const starting = start(fresh)
    const early = await Promise.race([starting.then(() => undefined), told])
    const system = await starting
    if (!early) {
      say(
        addresses(process.env, {
          dataDir: shown,
          milliseconds: performance.now() - started,
          consoleLink: system.consoleLink
        })
      )
    }
    const broken = await Promise.race([system.broken, told.then(() => undefined)])
    say(broken ? `\n${broken}\nstopping the rest …` : '\nstopping …')
    await system.stop()
    say(`stopped; the data is in ${shown}`)
    return broken ? 1 : 0
  } catch (error) {
    process.stderr.write(`\nGatepost could not start: ${(error as Error).message}\n`)
    return 1
  }
}
