import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { startChild } from '@gatepost/local-stack/child'
import type { Ground } from '../lab/ground.ts'
import { argumentsOf, readReport, REPORT, SCRIPT } from '../lab/wrk.ts'
import { coresFor, pinned, which } from '../lab/machine.ts'

export interface Load {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  /** One of these, in turn, in place of the Authorization header's token. */
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

export interface LoadOptions {
  ground: Ground
  /** Number of cores of the peer. */
  cores: number
}

/** A load that sends as soon as it is answered, by wrk where there is one, else by autocannon. */
export async function closedLoop (load: Load, options: LoadOptions): Promise<Measured> {
  return which('wrk') ? wrk(load, options) : cannon(load)
}

async function wrk (
  { url, method, headers, body, tokens, connections, seconds }: Load,
  { ground, cores }: LoadOptions
): Promise<Measured> {
  const folder = await ground.folder()
  const script = `
wrk.method = ${JSON.stringify(method)}
${
    Object.entries(headers).map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`)
      .join('\n')
  }
${body === undefined ? '' : `wrk.body = ${JSON.stringify(body)}`}
${
    tokens
      ? `local requests, n = {}, 0
init = function () for token in io.lines(${
        JSON.stringify(join(folder, 'tokens'))
      }) do wrk.headers["authorization"] = "Bearer " .. token; requests[#requests + 1] = wrk.format() end end
request = function () n = n % #requests + 1; return requests[n] end`
: ''}
${REPORT}`
  await writeFile(join(folder, SCRIPT), script)
  if (tokens) await writeFile(join(folder, 'tokens'), tokens.join('\n'))
  const output = await outputOf(ground, cores, which('wrk')!, argumentsOf({ folder, url, connections, seconds }))
  return readReport(output)
}

async function cannon ({ url, method, headers, body, tokens, connections, seconds }: Load): Promise<Measured> {
  const requests = tokens?.map((token) => ({ method, headers: { ...headers, authorization: `Bearer ${token}` }, body }))
  const result = await autocannon({
    url,
    method,
    headers,
    body,
    ...requests && { requests },
    connections,
    duration: seconds
  })
  return {
    requestsPerSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    errors: result.non2xx + result.errors
  }
}

/** Warm-up of an open loop; its answers do not count. */
export const OPEN_LOOP_WARM_UP_MS = 500

/**
 * A load of so many requests per second, whether the last ones were answered or not; how long each took is counted from
 * when it was due.
 */
export async function openLoop (
  load: Load,
  rate: number,
  { ground, cores, warmUpMs = OPEN_LOOP_WARM_UP_MS }: LoadOptions & { warmUpMs?: number }
): Promise<Measured> {
  const file = join(await ground.folder(), 'load.json')
  await writeFile(file, JSON.stringify({ ...load, rate, warmUpMs }))
  return JSON
    .parse(await outputOf(ground, cores, process.execPath, [
      fileURLToPath(new URL('open-loop.ts', import.meta.url)),
      file
    ]))
}

async function outputOf (ground: Ground, cores: number, command: string, args: string[]) {
  let output = ''
  const child = startChild(...pinned(coresFor(cores).rest, command, args), {
    name: command,
    onOutput: (text) => {
      output += text
    }
  })
  ground.onEnd(() => child.stop(1000))
  await child.ended
  if (child.process.exitCode !== 0) throw new Error(`${command} failed\n${output}`)
  return output
}
