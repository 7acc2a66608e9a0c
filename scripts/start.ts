import { command } from './command-line.ts'

const help = `
usage: pnpm start [--fresh]

Runs PostgreSQL, NATS, the services, the gateway and a console on this machine until Ctrl-C, and prints where they are.
CONSOLE=off leaves the console out.

  --fresh    forgets the data of earlier runs first

The data is in .data, or where GATEPOST_DATA says. docs/environment.md has all settings, ports and servers of your own
among them. Exit code 0: stopped as told. 1: it could not start, or a part of it ended. 2: not a command.`

await command(
  { name: 'start', help, options: { fresh: { type: 'boolean' } }, outlivesReader: true },
  async ({ values: { fresh = false } }) => {
    const { runUntilTold } = await import('./start/run.ts')
    process.exit(await runUntilTold({ fresh }))
  }
)
