// Static checks: ESLint over everything, and the type-check of every workspace member. Each runs to its end, so that
// one run shows all faults.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { refreshClients } from './clients.ts'
import { command } from './command-line.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const projects = ['.', ...globSync(['packages/*', 'services/*', 'bench'], { cwd: root })].filter((folder) =>
  existsSync(join(root, folder, 'tsconfig.json'))
)
const checks = [
  {
    name: 'eslint',
    program: 'eslint/bin/eslint.js',
    args: ['.', '--cache', '--cache-location', 'node_modules/.cache/eslint/', '--max-warnings', '0']
  },
  ...projects.map((folder) => ({
    name: `types of ${folder === '.' ? 'the root' : folder}`,
    program: 'typescript/bin/tsc',
    args: ['-p', folder]
  }))
]

const help = `
usage: pnpm check

Runs ESLint over everything and the type-check of every workspace member.

Exit code 0: all checks pass. 1: one fails. 2: not a command.`

const waiting = [...checks]
let failed = 0

async function worker () {
  for (let check = waiting.shift(); check; check = waiting.shift()) {
    const { name, program, args } = check
    const child = spawn(process.execPath, [join(root, 'node_modules', program), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    }
    const [code] = await once(child, 'close')
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name}`)
    if (output) console.log(output.trimEnd())
    if (code !== 0) failed++
  }
}

await command({ name: 'check', help }, async () => {
  await refreshClients()
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  console.log(failed === 0 ? `${checks.length} checks passed` : `${failed} of ${checks.length} checks failed`)
  return failed === 0 ? 0 : 1
})
