import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { declarations } from '@gatepost/contracts/declarations'
import { startChild } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { portVariables } from '../../../scripts/start/addresses.ts'
import { type Ground, onGround } from '../lab/ground.ts'
import { describeMachine, residentMegabytes } from '../lab/machine.ts'
import { ROOT } from '../lab/root.ts'
import { median } from '../lab/statistics.ts'

const PORTS = Object.values(portVariables)
const SERVICES = declarations.map(({ name }) => name)

const TARGET_SECONDS = 5
const TARGET_MEGABYTES = 160

interface Start {
  seconds: number
  megabytes: Map<string, number>
}

/** The whole system as `pnpm start` starts it: once in a new data folder, then so many times in that folder again. */
export const benchStartup = ({ starts, idle }: { starts: number, idle: number }) => onGround(async (ground) => {
  const dataDir = join(await ground.folder(), 'data')
  const first = await start(ground, dataDir, 0)
  const later: Start[] = []
  for (let n = 0; n < starts; n++) later.push(await start(ground, dataDir, idle))
  const rows = SERVICES.map((service) => {
    const megabytes = median(later.map((one) => one.megabytes.get(service) ?? NaN))
    return `| ${service} | ${megabytes.toFixed(0)} | ${megabytes <= TARGET_MEGABYTES ? 'yes' : 'no'} |`
  })
  const seconds = median(later.map((one) => one.seconds))
  const text = `${describeMachine()}; from the launch of \`pnpm start\`'s script to its word that all is ready.

| start | seconds | at most ${TARGET_SECONDS} |\n| --- | ---: | --- |
| first, in a new data folder | ${first.seconds.toFixed(2)} | |
| later, median of ${starts} | ${seconds.toFixed(2)} | ${seconds <= TARGET_SECONDS ? 'yes' : 'no'} |

| service | resident MB after ${idle} s of nothing to do | at most ${TARGET_MEGABYTES} |\n| --- | ---: | --- |\n${
      rows.join('\n')
    }\n`
  await writeFile(new URL('../../results/startup.md', import.meta.url), `# Start of the whole system\n\n${text}`)
  console.log(`\n${text}`)
})

async function start (ground: Ground, dataDir: string, idleSeconds: number): Promise<Start> {
  const ports = await freePorts(PORTS.length)
  const begun = performance.now()
  const ready = Promise.withResolvers<number>()
  let output = ''
  const child = startChild(process.execPath, [join(ROOT, 'scripts/start.ts')], {
    name: 'pnpm start',
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      GATEPOST_DATA: dataDir,
      ...Object.fromEntries(PORTS.map((name, index) => [name, String(ports[index])]))
    },
    onOutput (text) {
      output += text
      if (output.includes('Gatepost is ready')) ready.resolve((performance.now() - begun) / 1000)
    }
  })
  ground.onEnd(() => child.stop(30_000))
  const seconds = await Promise.race([
    ready.promise,
    child.ended.then((end) => {
      throw new Error(`${end}\n${output}`)
    })
  ])
  await sleep(idleSeconds * 1000)
  const megabytes = new Map(SERVICES.map((service) => [service, residentMegabytes(processOf(child.pid, service))]))
  console
    .log(`ready after ${seconds.toFixed(2)} s${
      idleSeconds > 0 ? `; ${[...megabytes].map(([name, size]) => `${name} ${size.toFixed(0)} MB`).join(', ')}` : ''
    }`)
  await child.stop(30_000)
  return { seconds, megabytes }
}

/** The process of a service among the children of another; -1 where /proc does not tell. */
function processOf (parent: number, service: string): number {
  try {
    return Number(readdirSync('/proc').filter((name) => /^\d+$/.test(name)).find((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`services/${service}/src/server.ts`) &&
          readFileSync(`/proc/${pid}/status`, 'utf8').includes(`PPid:\t${parent}\n`)
      } catch {
        return false // the process has ended
      }
    }) ?? -1)
  } catch {
    return -1
  }
}
