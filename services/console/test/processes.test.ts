import { expect, test } from 'vitest'
import { readAdvice } from '../src/processes/advice.ts'
import { pointBetween, readingOf } from '../src/processes/reading.ts'

/** A page of metrics after so many fast, slow and failed answers. */
function metrics ({ fast = 0, slow = 0, failed = 0, started = 1_000 }) {
  const bucket = (le: string, count: number) =>
    `http_request_duration_seconds_bucket{le="${le}",method="GET",route="/api/posts",service="posts"} ${count}`
  return `# HELP http_requests_total Requests answered.
http_requests_total{method="GET",route="/api/posts",status="200",service="posts"} ${fast + slow}
http_requests_total{method="GET",route="/api/posts",status="503",service="posts"} ${failed}
http_requests_total{method="GET",route="/ready",status="200",service="posts"} 7777
${bucket('0.01', fast + failed)}
${bucket('0.1', fast + failed)}
${bucket('1', fast + failed + slow)}
${bucket('+Inf', fast + failed + slow)}
process_resident_memory_bytes{service="posts"} 123456789
process_start_time_seconds{service="posts"} ${started}
gatepost_build_info{node="v24.21.0",service="posts"} 1
other_metric{text="a \\"quoted\\" } brace"} 5
`
}

test('rates and quantiles are of what happened between two looks, without probes', () => {
  const before = readingOf(metrics({ fast: 1_000 }), 0)
  const after = readingOf(metrics({ fast: 1_098, slow: 2, failed: 10 }), 10_000)
  expect(after).toMatchObject({ node: 'v24.21.0', memory: 123_456_789 })
  const point = pointBetween(before, after)!
  expect(point).toMatchObject({ at: 10, perSecond: 11, errorsPerSecond: 1 })
  expect(point.p50).toBeLessThan(0.01)
  expect(point.p99).toBeGreaterThan(0.1)
})

test('between two looks at which nothing was asked there are no quantiles', () => {
  const [before, after] = [readingOf(metrics({ fast: 5 }), 0), readingOf(metrics({ fast: 5 }), 2_000)]
  expect(pointBetween(before, after)).toMatchObject({ perSecond: 0, p50: null, p99: null })
})

test('a process that was started anew is not compared with the one before', () => {
  const before = readingOf(metrics({ fast: 5 }), 0)
  expect(pointBetween(before, readingOf(metrics({ fast: 9, started: 2_000 }), 2_000))).toBeUndefined()
})

test('what docs/operations.md says of a check is found by its name', async () => {
  const advice = await readAdvice()
  expect(advice.revocations!.todo).toContain('NATS')
  expect(advice.posts, 'names that share a row').toEqual(advice.feed)
})
