import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createPost } from '@gatepost/contracts/posts/operations'
import { routeOf } from '@gatepost/service-kit/route'
import { type App, createServer } from '@gatepost/service-kit/server'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGateway, type TestGateway } from './support/gateway.ts'

const MIB = 2 ** 20

const run = promisify(execFile)
const path = (name: string) => fileURLToPath(new URL(`support/clients/${name}`, import.meta.url))
const clients: Record<string, [command: string, ...args: string[]]> = {
  'Node’s fetch': [process.execPath, path('early-answers.ts')],
  'Python’s http.client': ['python3', path('early_answers.py')],
  'Java’s HttpClient': ['java', path('EarlyAnswers.java')],
  curl: ['sh', path('early-answers.sh')]
}
const installed = (name: string) => {
  const command = name === 'curl' ? 'curl' : clients[name]![0]
  const { error } = spawnSync(command, ['--version'])
  if (error) process.stderr.write(`${name} is not used: ${error.message}\n`)
  return error === undefined
}
const used = Object.keys(clients).filter(installed)

let gateway: TestGateway
let limited: TestGateway
let service: App
let serviceUrl: string
beforeAll(async () => {
  gateway = await startGateway()
  limited = await startGateway({ RATE_LIMIT_MAX: '1', RATE_LIMIT_WINDOW: '1 hour' })
  await limited.call('/api/posts')
  service = createServer({ log: pino({ level: 'silent' }) })
  service.route({ ...routeOf(createPost), handler: () => { throw new Error('nobody gets here') } })
  serviceUrl = await service.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await Promise.all([gateway.stop(), limited.stop(), service.close()])
})

const JSON_TYPE = 'application/json'
const early: Array<
  [
    what: string,
    times: number,
    mebibytes: number,
    status: number,
    request: () => [url: string, type: string, authorization: string]
  ]
> = [
  ['a body over the limit', 20, 8, 413, () => [`${gateway.url}/api/posts`, JSON_TYPE, gateway.authorization]],
  ['a body of a stranger', 5, 2, 401, () => [`${gateway.url}/api/posts`, JSON_TYPE, '']],
  ['a body of another type', 5, 2, 415, () => [`${gateway.url}/api/posts`, 'text/plain', gateway.authorization]],
  ['a body over the rate', 5, 2, 429, () => [`${limited.url}/api/posts`, JSON_TYPE, limited.authorization]],
  ['a body for nothing', 5, 2, 404, () => [`${gateway.url}/nothing`, JSON_TYPE, '']],
  ['a body over the limit of a service', 20, 8, 413, () => [`${serviceUrl}/api/posts`, JSON_TYPE, '']]
]

for (const client of used) {
  test(`${client} sees every answer that is given before its body is whole`, { timeout: 60_000 }, async () => {
    const [command, ...args] = clients[client]!
    const requests = early.flatMap(([, times, mebibytes, , request]) => {
      const [url, type, authorization] = request()
      return [url, String(mebibytes * MIB), String(times), type, authorization]
    })
    const { stdout } = await run(command, [...args, ...requests])
    const seen = stdout.trim().split('\n')
    expect(early.map((
      [what, times]
    ) => [
      what,
      Object.entries(Object.groupBy(seen.splice(0, times), (line) => line)).map(([line, all]) =>
        `${line} × ${all!.length}`
      )
    ]))
      .toEqual(early.map(([what, times, , status]) => [what, [`${status} × ${times}`]]))
  })
}
