// Looks into the stream of events and repairs what can go wrong with it; docs/events-cli.md has examples.
import { enableCompileCache } from 'node:module'

enableCompileCache()

const { runEvents } = await import('./events/run.ts')
process.exitCode = await runEvents(process.argv.slice(2), process.env)
