import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import autocannon from 'autocannon'
import { pinned, which } from './machine.ts'

export interface Load {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  /** One of these, in turn, in place of the Authorization header's token: every token is a new one. */
  tokens?: string[]
  connections: number
  seconds: number
}

export interface Measured {
  requestsPerSecond: number
  p50: number
  p99: number
  /** Answers that were not 2xx, or no answers. */
  errors: number
}

/** One closed-loop load, by wrk where there is one, else by autocannon. */
export async function load (options: Load): Promise<Measured> {
  return which('wrk') ? wrk(options) : cannon(options)
}

async function wrk ({ url, method, headers, body, tokens, connections, seconds }: Load): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-wrk-'))
  const script = `
wrk.method = ${JSON.stringify(method)}
${Object.entries(headers).map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`).join('\n')}
${body === undefined ? '' : `wrk.body = ${JSON.stringify(body)}`}
${tokens
? `local requests, n = {}, 0
init = function () for token in io.lines(${JSON.stringify(join(folder, 'tokens'))}) do wrk.headers["authorization"] = "Bearer " .. token; requests[#requests + 1] = wrk.format() end end
request = function () n = n % #requests + 1; return requests[n] end`
: ''}
done = function (summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end`
  try {
    await writeFile(join(folder, 'load.lua'), script)
    if (tokens) await writeFile(join(folder, 'tokens'), tokens.join('\n'))
    const { stdout } = await promisify(execFile)(...pinned(1, which('wrk')!, ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '5s', '-s', join(folder, 'load.lua'), url]))
    const [requests, micros, p50, p99, errors] = /RESULT (.*)/.exec(stdout)![1]!.split(' ').map(Number) as [number, number, number, number, number]
    return { requestsPerSecond: requests / (micros / 1e6), p50: p50 / 1000, p99: p99 / 1000, errors }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function cannon ({ url, method, headers, body, tokens, connections, seconds }: Load): Promise<Measured> {
  const requests = tokens?.map((token) => ({ method, headers: { ...headers, authorization: `Bearer ${token}` }, body }))
  const result = await autocannon({ url, method, headers, body, ...requests && { requests }, connections, duration: seconds })
  return { requestsPerSecond: result.requests.average, p50: result.latency.p50, p99: result.latency.p99, errors: result.non2xx + result.errors }
}
