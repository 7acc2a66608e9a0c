// pnpm chaos [--seed N] [--rounds N] [--log FILE]: as many faults as you like; the same seed breaks the same things.
import { appendFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { slowestRecoveries } from './recoveries.ts'
import { runChaos } from './run.ts'

const { values } = parseArgs({ options: { seed: { type: 'string' }, rounds: { type: 'string', default: '20' }, log: { type: 'string' } } })
const { log } = values
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const say = (line: string) => { process.stdout.write(`${line}\n`) }
say(`seed ${seed}`)
const report = await runChaos({ seed, rounds: Number(values.rounds), say, ...log !== undefined && { onOutput: (_name, text) => { appendFileSync(log, text) } } })
for (const line of slowestRecoveries(report.recoveries)) say(line)
say(`${report.answered} calls answered, ${report.unknown} without a certain answer, ${report.events} events`)
for (const line of report.broken.slice(0, 50)) say(`BROKEN  ${line}`)
say(`${report.broken.length} promises broken; repeat with --seed ${seed} --rounds ${values.rounds}`)
process.exitCode = report.broken.length === 0 ? 0 : 1
