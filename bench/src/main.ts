// pnpm bench [gateway] [--seconds N] [--rounds N] [--only text]
// pnpm bench pages [--rows N]
// pnpm bench events [--backlog N] [--seconds N]
import { parseArgs } from 'node:util'
import { benchEvents } from './events/main.ts'
import { benchGateway } from './gateway/main.ts'
import { benchPages } from './pages/main.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '3' }, only: { type: 'string' }, rows: { type: 'string', default: '1000000' }, backlog: { type: 'string', default: '100000' } }
})
const options = { seconds: Number(values.seconds), rounds: Number(values.rounds), only: values.only }
const benches: Record<string, () => Promise<void>> = { gateway: () => benchGateway(options), pages: () => benchPages({ rows: Number(values.rows) }), events: () => benchEvents({ rows: Number(values.backlog), rate: 2_000, seconds: options.seconds }) }
for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
  const bench = benches[name]
  if (!bench) throw new Error(`there is no bench "${name}"; there are ${Object.keys(benches).join(', ')}`)
  await bench()
}
