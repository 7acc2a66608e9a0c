// Runs all tests, or those of the named files. The run starts and stops the servers that they need.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rawCommand, UsageError } from './command-line.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const LOOPBACK = '127.0.0.1,localhost,::1'

const help = `
usage: pnpm test [file …] [options of vitest]

Runs all tests, or those of the files named. PostgreSQL, Redis and nats-server are started and stopped by the run.

  pnpm test services/auth/test/login.test.ts     one file
  pnpm test test/docs.test.ts -t 'links only'    tests whose names match

Exit code 0: all passed. 1: one failed. The other options are in \`pnpm exec vitest --help\`.`

/** Options of vitest that make sense here; vitest answers unknown ones with a stack trace. */
const OPTIONS = new Set([
  '-t', '--testNamePattern', '--bail', '--retry', '--reporter', '--outputFile', '--maxWorkers', '--testTimeout',
  '--update', '-u', '--coverage', '--silent', '--shard', '--logHeapUsage'
])

await rawCommand({ name: 'test', help }, async (argv) => {
  const unknown = argv.find((argument) => argument.startsWith('-') && !OPTIONS.has(argument.split(/[=.]/)[0]!))
  if (unknown !== undefined) throw new UsageError(`unknown option '${unknown}'`)
  const { NO_PROXY = process.env.no_proxy } = process.env
  const { isSetting } = await import('./settings.ts')
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...argv], {
    stdio: 'inherit',
    cwd: root,
    env: {
      // Settings are the tests' own: a user's may name a real database, and HOST is a compiler's triple in some shells.
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSetting(name))),
      // The tests start hundreds of processes; they share compiled code.
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'),
      // A proxy serves downloads only, never calls between processes of the run.
      NO_PROXY: [NO_PROXY, LOOPBACK].filter(Boolean).join(',')
    }
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => { child.kill(signal) })
  const [code] = await once(child, 'exit') as [number | null]
  return code ?? 1
})
