// Runs the tests, or the ones of the files that are named. What they need is started and stopped by the run itself.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const child = spawn(process.execPath, [`${root}node_modules/vitest/vitest.mjs`, 'run', ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: root,
  // The tests start hundreds of processes; what one has compiled the next need not.
  env: { ...process.env, NODE_COMPILE_CACHE: `${root}node_modules/.cache/compile` }
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => { child.kill(signal) })
child.on('exit', (code) => { process.exitCode = code ?? 1 })
