import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patternOf, stepsOf } from '../e2e/readme-walk.ts'
import { type Engine, root } from './engine.ts'
import { run } from './program.ts'
import type { System } from './system.ts'

const MARK = '=== next ==='

/** The walk of the README, typed in by a shell where the published port is. */
export async function walkReadme (engine: Engine, { origin }: System): Promise<void> {
  const steps = stepsOf(await readFile(join(root, 'README.md'), 'utf8'))
  const script = steps.map(({ command }) =>
    `${command.replaceAll('http://127.0.0.1:3000', origin)}\necho; echo '${MARK}'`
  ).join('\n')
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-walk-'))
  try {
    const printed = (await run(engine.near(['bash', '-ec', script]), { cwd: folder })).split(`${MARK}\n`)
    for (const [index, { command, output }] of steps.entries()) {
      if (!patternOf(output).test(printed[index]!.trim())) {
        throw new Error(`the README says otherwise: ${command}\nprinted ${printed[index]}`)
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Whether each container is kept down as the file says, by what the engine and the kernel know. */
export async function checkConfinement (engine: Engine, system: System): Promise<void> {
  const faults: string[] = []
  for (const { id, service, pid, readOnly, options, memory } of await system.containers()) {
    if (!readOnly) faults.push(`${service} can write its root`)
    if (!options.includes('no-new-privileges:true')) faults.push(`${service} may gain privileges`)
    if (pid === 0) continue
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    if (/^Uid:\s+0\b/m.test(status)) faults.push(`${service} is root`)
    if (!/^CapEff:\s+0+$/m.test(status)) faults.push(`${service} has capabilities`)
    const used = await engine.docker(['stats', '--no-stream', '--format', '{{.MemPerc}}', id])
    if (memory === 0 || Number.parseFloat(used) > 80) faults.push(`${service} uses ${used.trim()} of its memory`)
  }
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

/** Thirty calls of one client at once, with a limit of ten a second: a window may end in between, not three times. */
export async function checkLimits (engine: Engine, { origin }: System): Promise<void> {
  const script = `Promise.all(Array.from({ length: 30 }, () => fetch('${origin}/api/posts', {
    headers: { 'x-forwarded-for': '198.51.100.7' } }))).then((all) =>
    console.log(all.filter(({ status }) => status !== 429).length))`
  const admitted: number[] = []
  for (let round = 1; round <= 3; round++) {
    admitted.push(Number(await run(engine.near([process.execPath, '-e', script]))))
    await new Promise((resolve) => setTimeout(resolve, 1_500))
  }
  if (Math.min(...admitted) !== 10) throw new Error(`of 30 calls at once ${admitted.join(', ')} were admitted, not 10`)
}
