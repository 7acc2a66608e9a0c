import httpProxy from '@fastify/http-proxy'
import { type App, createServer } from '@gatepost/service-kit/server'
import { createRandom } from '@gatepost/testing/random'
import { pino } from 'pino'
import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import { isPlainPath } from '../src/admission/canonical-target.ts'
import { type Counters, createDecisionTally } from '../src/limits/limit.ts'
import { limits } from '../src/limits/limits.ts'
import { memoryCounters } from '../src/limits/memory-counters.ts'

// The hot path goes around what plugins do slowly. Here the plugins say themselves that the result is theirs.

test('@fastify/http-proxy sends every plain path where we send it without asking', async () => {
  const app = fastify({ routerOptions: { maxParamLength: 10_000 } })
  await app.register(httpProxy, {
    upstream: 'http://127.0.0.1:9',
    handler: (_request, reply, destination) => reply.send(destination)
  })
  const pieces = [
    '/',
    '/api',
    '/posts',
    'a',
    'Z9',
    '-',
    '_',
    '.',
    '..',
    '%2e',
    '%2f',
    '%41',
    ':',
    ';',
    '@',
    '//',
    '\\',
    '?',
    '?a=/../b',
    '&c=%2e%2e',
    '0',
    '/..',
    '~'
  ]
  const random = createRandom(7)
  const targets = Array.from(
    { length: 4000 },
    () => `/${Array.from({ length: 1 + random.below(6) }, () => random.pick(pieces)).join('')}`
  )
  const plain = [...new Set(targets.filter(isPlainPath))]
  expect(plain.length).toBeGreaterThan(100)
  expect(plain.length).toBeLessThan(targets.length / 2)
  for (const target of plain) {
    const { statusCode, body } = await app.inject(target)
    expect([target, statusCode, body]).toEqual([target, 200, target.split('?', 1)[0]])
  }
  await app.close()
})

test('@fastify/rate-limit answers as counters do that are asked at once', async () => {
  const answersOf = async (counters: Counters) => {
    const app: App = createServer({ log: pino({ level: 'silent' }) })
    const limit = { name: 'default', by: 'address' as const, max: 3, windowMs: 60_000 }
    await app.register(limits, {
      counters,
      everything: limit,
      sensitive: { ...limit, name: 'sensitive', max: 2 },
      preflight: limit,
      user: { ...limit, name: 'user', by: 'user' },
      decisions: createDecisionTally()
    })
    for (const policy of ['default', 'sensitive'] as const) {
      app.get(`/${policy}`, { config: { auth: 'none' } }, async (request, reply) => {
        request.counted = { address: '192.0.2.1', user: '', key: '', keyLimit: undefined }
        await app.limit(request, reply, policy)
        return {}
      })
    }
    const answers = []
    for (const url of ['/sensitive', '/sensitive', '/sensitive', '/default', '/default', '/sensitive']) {
      const { statusCode, headers } = await app.inject(url)
      answers.push([url, statusCode, headers.ratelimit, headers['ratelimit-policy'], headers['retry-after']])
    }
    await app.close()
    return answers
  }
  const now = () => 0
  const { take } = memoryCounters({ now })
  const throughPlugin = await answersOf({ take })
  expect(throughPlugin.map(([, status]) => status)).toEqual([200, 200, 429, 200, 429, 429])
  expect(await answersOf(memoryCounters({ now }))).toEqual(throughPlugin)
})
