// What each bench measures and its options stand in docs/performance.md.
import { rawCommand, UsageError } from '../../scripts/command-line.ts'
import { options } from './options.ts'

const benches: Record<string, (args: string[]) => Promise<void>> = {
  gateway: async (args) => (await import('./gateway/main.ts')).benchGateway(options(args, { seconds: 1, rounds: 7, only: '' })),
  compare: async (args) => (await import('./compare/main.ts')).benchCompare(options(args, { commit: 'HEAD', pairs: 8, rounds: 3, seconds: 1, threshold: 5, only: '' })),
  auth: async (args) => (await import('./auth/main.ts')).benchAuth(options(args, { rounds: 6, seconds: 4, samples: 250 })),
  growth: async (args) => (await import('./growth/main.ts')).benchGrowth(options(args, { max: 1_000_000, only: '' })),
  memory: async (args) => (await import('./memory/main.ts')).benchMemory(options(args, { requests: 200_000 })),
  startup: async (args) => (await import('./startup/main.ts')).benchStartup(options(args, { starts: 3, idle: 10 })),
  pages: async (args) => (await import('./pages/main.ts')).benchPages(options(args, { rows: 1_000_000 })),
  events: async (args) => (await import('./events/main.ts')).benchEvents({ rate: 2_000, ...options(args, { rows: 100_000, seconds: 5 }) }),
  services: async (args) => (await import('./services/main.ts')).benchServices(options(args, { seconds: 3, rounds: 3, only: '' }))
}

const help = `
usage: pnpm bench [name] [--option value …]

  ${Object.keys(benches).join(', ')}; gateway by default
  --compare <commit>    this code against a commit's

docs/performance.md says what each one measures and takes. Exit code 0: measured. 1: it failed. 2: not a command.`

await rawCommand({ name: 'bench', help }, async (given) => {
  const named = given[0]?.startsWith('--') ? ['gateway', ...given] : given
  const [name = 'gateway', ...args] = given[0] === '--compare' ? ['compare', '--commit', ...given.slice(1)] : named
  const bench = Object.hasOwn(benches, name) ? benches[name] : undefined
  if (!bench) throw new UsageError(`there is no bench "${name}"`)
  await bench(args)
})
