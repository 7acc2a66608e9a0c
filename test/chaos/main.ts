// As many faults as you like; the same seed breaks the same things.
import { appendFileSync } from 'node:fs'
import { command, UsageError } from '../../scripts/command-line.ts'

const help = `
usage: pnpm chaos [--seed N] [--rounds N] [--log FILE]

Starts a system of its own, puts it under load, and kills, freezes and restarts one part after another.

  --seed N      breaks the same things again
  --rounds N    20 by default
  --log FILE    keeps what the processes write

Exit code 0: every promise was kept. 1: one was broken. 2: not a command.`

const options = { seed: { type: 'string' }, rounds: { type: 'string' }, log: { type: 'string' } } as const

function numberOf (name: string, text: string) {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${name} needs a whole number, not "${text}"`)
  return Number(text)
}

await command({ name: 'chaos', help, options }, async ({ values: { seed: given = String(Date.now() % 1_000_000), rounds: wanted = '20', log } }) => {
  const [seed, rounds] = [numberOf('--seed', given), numberOf('--rounds', wanted)]
  const [{ slowestRecoveries }, { runChaos }] = await Promise.all([import('./recoveries.ts'), import('./run.ts')])
  const say = (line: string) => { process.stdout.write(`${line}\n`) }
  say(`seed ${seed}`)
  const report = await runChaos({ seed, rounds, say, ...log !== undefined && { onOutput: (_name, text) => { appendFileSync(log, text) } } })
  for (const line of slowestRecoveries(report.recoveries)) say(line)
  say(`${report.answered} calls answered, ${report.unknown} without a certain answer, ${report.events} events`)
  for (const line of report.broken.slice(0, 50)) say(`BROKEN  ${line}`)
  say(`${report.broken.length} promises broken; repeat with --seed ${seed} --rounds ${rounds}`)
  return report.broken.length === 0 ? 0 : 1
})
