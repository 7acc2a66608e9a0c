// As many faults as you like; the same seed breaks the same things.
import { appendFileSync } from 'node:fs'
import { command, UsageError } from '../../scripts/command-line.ts'

const help = `
usage: pnpm chaos [--seed N] [--rounds N] [--log FILE]
       pnpm chaos --soak [--seconds N] [--seed N] [--log FILE]

Starts a system of its own, puts it under load, and kills, freezes and restarts one part after another.
With --soak: an hour of mixed load, compressed into two minutes, with one outage of NATS; then no backend is stuck, the
outboxes are empty, and rows, events and feed agree.

  --seed N      breaks the same things again
  --rounds N    20 by default
  --seconds N   of load with --soak, 110 by default
  --log FILE    keeps what the processes write

Exit code 0: every promise was kept. 1: one was broken. 2: not a command.`

const text = { type: 'string' } as const
const options = { seed: text, rounds: text, soak: { type: 'boolean' }, seconds: text, log: text } as const

function numberOf (name: string, given: string) {
  if (!/^\d{1,9}$/.test(given)) throw new UsageError(`${name} needs a whole number, not "${given}"`)
  return Number(given)
}

const say = (line: string) => { process.stdout.write(`${line}\n`) }

/** Resolves with the exit code. */
function judge (broken: string[], again: string) {
  for (const line of broken.slice(0, 50)) say(`BROKEN  ${line}`)
  say(`${broken.length} promises broken; repeat with ${again}`)
  return broken.length === 0 ? 0 : 1
}

async function soak (seed: number, seconds: number, output: object) {
  const { runSoak } = await import('./soak.ts')
  const { answered, unknown, events, outbox, backends, broken } = await runSoak({ seed, seconds, say, ...output })
  say(`${answered} calls answered, ${unknown} without a certain answer, ${events} events`)
  say(`outbox: ${outbox.most} rows at most, ${outbox.last} in the end`)
  say(`backends: ${backends.most} at most, ${backends.last} in the end`)
  return judge(broken, `--soak --seed ${seed} --seconds ${seconds}`)
}

async function chaos (seed: number, rounds: number, output: object) {
  const [{ slowestRecoveries }, { runChaos }] = await Promise.all([import('./recoveries.ts'), import('./run.ts')])
  const report = await runChaos({ seed, rounds, say, ...output })
  for (const line of slowestRecoveries(report.recoveries)) say(line)
  say(`${report.answered} calls answered, ${report.unknown} without a certain answer, ${report.events} events`)
  return judge(report.broken, `--seed ${seed} --rounds ${rounds}`)
}

await command({ name: 'chaos', help, options }, async ({ values }) => {
  const { seed: given = String(Date.now() % 1_000_000), soak: soaks = false, log } = values
  const [other, meaningless] = soaks ? ['rounds', values.rounds] : ['seconds', values.seconds]
  if (meaningless !== undefined) throw new UsageError(`--${other} means nothing ${soaks ? 'with' : 'without'} --soak`)
  const seed = numberOf('--seed', given)
  const amount = soaks ? numberOf('--seconds', values.seconds ?? '110') : numberOf('--rounds', values.rounds ?? '20')
  const output = log === undefined ? {} : { onOutput: (_name: string, written: string) => appendFileSync(log, written) }
  say(`seed ${seed}`)
  return (soaks ? soak : chaos)(seed, amount, output)
})
