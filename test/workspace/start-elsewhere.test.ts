import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { declarations } from '@gatepost/contracts/declarations'
import { brokerAuthorization } from '@gatepost/events/permissions'
import { startNats } from '@gatepost/local-stack/nats'
import { freePorts } from '@gatepost/local-stack/ports'
import { brokerUsers } from '@gatepost/testing/broker'
import { expect, onTestFinished, test } from 'vitest'
import { copyRepository } from './support/odd-copy.ts'
import { childrenOf, prepareStarts, root, untilReady } from './support/start-process.ts'

const { folder, ports, start } = await prepareStarts()
const ODD = 'a b%20%zz\tü&;#(x)\''
/** Of the loopback network, and not the address where one looks by habit; Linux alone has all of them. */
const HOST = process.platform === 'linux' ? '127.0.0.9' : '127.0.0.1'

/** As other tools leave them in an environment. */
const hostile = {
  HOST,
  LOG_LEVEL: 'INFO',
  NODE_USE_ENV_PROXY: '1',
  HTTP_PROXY: 'http://127.0.0.1:9',
  http_proxy: 'http://127.0.0.1:9',
  PGOPTIONS: '-c timezone=America/Los_Angeles -c statement_timeout=1',
  PGSSLMODE: 'require',
  PGHOST: 'db.example.org',
  DATABASE_URL: 'postgresql://db.example.org/theirs',
  AWS_SECRET_ACCESS_KEY: 'theirs',
  POSTS_MIGRATION_DATABASE_URL: ''
}

function environmentOf (pid: number) {
  return Object
    .fromEntries(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean).map((
      line
    ) => [line.split('=', 1)[0]!, line.slice(line.indexOf('=') + 1)]))
}

/** A broker that is not ours, with a user for each of our processes. */
async function outsideBroker () {
  const users = brokerUsers()
  const [port] = await freePorts(1) as [number]
  const server = await startNats({ port, dataDir: join(folder, 'broker'), authorization: brokerAuthorization(users) })
  onTestFinished(() => server.stop())
  return (account: keyof typeof users) => `nats://${account}:${users[account].password}@127.0.0.1:${port}`
}

test('a folder with every odd character, an environment of other tools, and a broker of one’s own', async () => {
  const clone = join(folder, ODD)
  chmodSync(folder, 0o711) // as root, PostgreSQL runs as somebody else
  copyRepository(root, clone)
  const urlOf = await outsideBroker()
  const run = start({
    ...hostile,
    GATEPOST_DATA: undefined,
    NODE_COMPILE_CACHE: join(folder, 'compile'), // what is compiled under this folder's name is of no use to others
    NATS_URL: urlOf('provisioner'),
    ...Object.fromEntries(declarations.map(({ name, prefix }) => [`${prefix}_NATS_URL`, urlOf(name)]))
  }, { cwd: clone })
  await untilReady(run)
  const answer = await fetch(`http://${HOST}:${ports.GATEWAY_PORT}/api/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada@example.org', password: 'a bridge over the river', displayName: 'Ada' })
  })
  expect(answer.status).toBe(201)
  expect(existsSync(join(clone, '.data/logs/auth.log'))).toBe(true)
  if (process.platform !== 'linux') {
    return process.stdout.write('environments of processes are checked on Linux alone\n')
  }
  const children = childrenOf(run.process.pid!)
  for (const { name: service } of declarations) {
    const environment = environmentOf(children.find(({ args }) =>
      args.includes(`services/${service}/src/server.ts`)
    )!.pid)
    expect(environment).toMatchObject({ NATS_URL: urlOf(service), HOST, LOG_LEVEL: 'INFO' })
    expect(Object.keys(environment).filter((name) => /^PG|PROXY|^AWS|^DATABASE_URL|_NATS_URL|MIGRATION/i.test(name)))
      .toEqual([])
    expect('TOKEN_SECRET' in environment).toBe(service === 'auth')
  }
  run.process.kill('SIGTERM')
  expect(await run.ended).toBe(0)
}, 120_000)

test.skipIf(process.getuid?.() !== 0)(
  'an account without a name and without a home is told what it lacks, by its own remedy',
  async () => {
    const data = join(folder, 'nameless')
    mkdirSync(data)
    chmodSync(data, 0o777)
    chmodSync(folder, 0o711)
    const run = start({ HOME: undefined, GATEPOST_DATA: data, NATS_URL: 'nats://127.0.0.1:9' }, { uid: 54_321 })
    expect(await run.ended).toBe(1)
    expect(run.output()).toContain(
      'Gatepost could not start: PostgreSQL needs an account with a name, and user id 54321 has none: ' +
      'add it to /etc/passwd, or set AUTH_DATABASE_URL'
    )
  },
  60_000
)
