import { createServer } from 'node:http'
import { databaseOwners } from '@gatepost/contracts/declarations'
import { freeSystemPorts } from '@gatepost/local-stack/ports'
import { refuseDeadUrls } from '@gatepost/local-stack/upstreams'
import { expect, test } from 'vitest'
import { portsOf, portVariables } from '../../scripts/start/addresses.ts'
import { refuseUnusable } from '../../scripts/start/refusals.ts'
import { prepareStarts, root } from './support/start-process.ts'

const { folder, start, openPorts } = await prepareStarts()
const free = await freeSystemPorts()
const ports = Object
  .fromEntries(Object.entries(free).map(([name, port]) => [portVariables[name as keyof typeof free], String(port)]))

/** What a start with this environment refuses before it touches anything. */
async function refusalOf (given: Record<string, string>) {
  const env = { ...ports, ...given }
  return refuseUnusable({ root, ports: portsOf(env), env, dataDir: folder }).then(
    () => undefined,
    (error: Error) => error.message
  )
}

test('an environment with nothing wrong in it is not refused', async () => {
  expect(await refusalOf({ LOG_LEVEL: 'INFO', HOST: '0.0.0.0' })).toBeUndefined()
})

test.each([
  [
    'a compiler’s triple as HOST',
    { HOST: 'x86_64-conda-linux-gnu' },
    'HOST is "x86_64-conda-linux-gnu": it needs an IP address such as 127.0.0.1'
  ],
  [
    'an address of another machine',
    { HOST: '203.0.113.7' },
    'nothing can listen on HOST, which is "203.0.113.7" (EADDRNOTAVAIL): it needs an address of this machine'
  ],
  ['a console that is neither on nor off', { CONSOLE: 'maybe' }, 'CONSOLE is "maybe": it needs on or off'],
  ['a level that there is not', { LOG_LEVEL: 'NOTICE' }, 'LOG_LEVEL is "NOTICE": it needs one of trace, debug'],
  [
    'a port given twice',
    { FEED_PORT: String(free.nats) },
    `FEED_PORT and NATS_PORT are both ${free.nats}: give one of them another port`
  ],
  [
    'a port that browsers refuse',
    { GATEWAY_PORT: '10080' },
    'browsers and fetch refuse to call port 10080: choose another port with GATEWAY_PORT'
  ],
  [
    'a port that fetch refuses',
    { AUTH_PORT: '6000' },
    'browsers and fetch refuse to call port 6000: choose another port with AUTH_PORT'
  ],
  [
    'a raw percent sign in a password',
    { AUTH_DATABASE_URL: 'postgresql://ada:100%sure@127.0.0.1/auth' },
    'AUTH_DATABASE_URL is a value of 40 characters (not shown): it needs a URL whose user and password are ' +
    'percent-encoded'
  ],
  [
    'one service’s broker alone',
    { AUTH_NATS_URL: 'nats://auth:secret@127.0.0.1' },
    'AUTH_NATS_URL is set and NATS_URL is not'
  ]
])('%s is one line before anything is started', async (_what, env, line) => {
  const refusal = await refusalOf(env)
  expect(refusal?.startsWith(line), refusal).toBe(true)
  expect(refusal).not.toContain('\n')
})

test('an install without its scripts is told which command makes up for it', async () => {
  const refusal = refuseUnusable({ root: folder, ports: free, env: ports, dataDir: folder })
  await expect(refusal).rejects
    .toThrow(
      'the install scripts did not run, as with pnpm_config_ignore_scripts: run `node scripts/generate-client.ts ' +
      `${databaseOwners.map(({ name }) => name).join(' ')}\``
    )
})

test('every setting that any process refuses is named at once', async () => {
  const data = `${folder}/never`
  const run = start({ RATE_LIMIT_MAX: 'many', KEY_ROTATION_INTERVAL: '1', GATEPOST_DATA: data })
  expect(await run.ended).toBe(1)
  expect(run.output().trim())
    .toMatch(/^Gatepost could not start: KEY_ROTATION_INTERVAL is "1": .*\nRATE_LIMIT_MAX is "many": [^\n]*$/)
  expect(await openPorts()).toEqual([])
})

test('URLs of a service that lead nowhere are named, and one that answers is enough', async () => {
  await expect(refuseDeadUrls('auth', { AUTH_URL: 'http://127.0.0.1:9,http://127.0.0.1:19' })).rejects
    .toThrow(
      'AUTH_URL is "http://127.0.0.1:9,http://127.0.0.1:19": nobody answers there (ECONNREFUSED); name running ' +
      'instances of auth, or unset it to use the one of this start'
    )
  const server = createServer((_request, response) => response.writeHead(404).end()).listen(free.auth, '127.0.0.1')
  await refuseDeadUrls('auth', { AUTH_URL: `http://127.0.0.1:9, http://127.0.0.1:${free.auth}` })
  await refuseDeadUrls('auth', {})
  server.close()
})
