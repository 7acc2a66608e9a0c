// What each bench measures and its options stand in docs/performance.md.
import { rawCommand, UsageError } from '../../scripts/command-line.ts'
import { options } from './lab/options.ts'

/** Options are read before the bench is loaded, so that a wrong one is refused at once. */
function bench<Defaults extends Record<string, number | string>> (
  defaults: Defaults,
  run: (given: ReturnType<typeof options<Defaults>>) => Promise<void>
) {
  return (args: string[]) => run(options(args, defaults))
}

const benches: Record<string, (args: string[]) => Promise<void>> = {
  gateway: bench(
    { seconds: 1, rounds: 7, only: '', set: 'all' },
    async (given) => (await import('./gateway/main.ts')).benchGateway(given)
  ),
  compare: bench(
    { commit: 'HEAD', pairs: 8, rounds: 3, seconds: 1, threshold: 5, only: '' },
    async (given) => (await import('./compare/main.ts')).benchCompare(given)
  ),
  auth: bench(
    { rounds: 6, seconds: 4, samples: 250 },
    async (given) => (await import('./auth/main.ts')).benchAuth(given)
  ),
  growth: bench({ max: 1_000_000, only: '' }, async (given) => (await import('./growth/main.ts')).benchGrowth(given)),
  memory: bench({ requests: 200_000 }, async (given) => (await import('./memory/main.ts')).benchMemory(given)),
  startup: bench({ starts: 3, idle: 10 }, async (given) => (await import('./startup/main.ts')).benchStartup(given)),
  pages: bench({ rows: 1_000_000 }, async (given) => (await import('./pages/main.ts')).benchPages(given)),
  events: bench(
    { rows: 100_000, published: 1_000_000, seconds: 5 },
    async (given) => (await import('./events/main.ts')).benchEvents({ rate: 2_000, ...given })
  ),
  services: bench(
    { seconds: 3, rounds: 3, only: '' },
    async (given) => (await import('./services/main.ts')).benchServices(given)
  )
}

const help = `
usage: pnpm bench [name] [--option value …]

  ${Object.keys(benches).join(', ')}; gateway by default
  --compare <commit>    this code against a commit's

docs/performance.md says what each one measures and takes. Exit code 0: measured. 1: it failed. 2: not a command.`

await rawCommand({ name: 'bench', help }, async (given) => {
  const named = given[0]?.startsWith('--') ? ['gateway', ...given] : given
  const [name = 'gateway', ...args] = given[0] === '--compare' ? ['compare', '--commit', ...given.slice(1)] : named
  const chosen = Object.hasOwn(benches, name) ? benches[name] : undefined
  if (!chosen) throw new UsageError(`there is no bench "${name}"`)
  await chosen(args)
})
