import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startChild } from '@gatepost/local-stack/child'
import type { Ground } from '../lab/ground.ts'
import { which } from '../lab/machine.ts'
import { argumentsOf, readReport, REPORT, SCRIPT } from '../lab/wrk.ts'
import autocannon from 'autocannon'

export interface Call {
  url: string
  method: 'GET' | 'POST' | 'PATCH'
  /** Paths that are asked for in turn. */
  paths: string[]
  /** All paths with the first of them, then all with the next. */
  bodies?: string[]
  token: string
}

/** A load that sends as soon as it is answered, by wrk where there is one, else by autocannon. */
export async function load (
  ground: Ground,
  call: Call,
  { connections, seconds }: { connections: number, seconds: number }
) {
  const { method, bodies = [undefined] } = call
  const headers = { authorization: `Bearer ${call.token}`, ...call.bodies && { 'content-type': 'application/json' } }
  if (!which('wrk')) {
    const requests = bodies.flatMap((body) => call.paths.map((path) => ({ method, path, headers, body })))
    const result = await autocannon({ url: call.url, requests, connections, duration: seconds })
    return {
      rate: result.requests.average,
      p50: result.latency.p50,
      p99: result.latency.p99,
      errors: result.non2xx + result.errors
    }
  }
  const folder = await ground.folder()
  await writeFile(join(folder, 'paths'), call.paths.join('\n'))
  await writeFile(join(folder, SCRIPT), `
local requests, n = {}, 0
local headers = { ${
      Object.entries(headers).map(([name, value]) => `[${JSON.stringify(name)}] = ${JSON.stringify(value)}`).join(', ')
    } }
local bodies, n_bodies = { ${
      bodies.map((body) => body === undefined ? 'nil' : JSON.stringify(body)).join(', ')
    } }, ${bodies.length}
init = function () for b = 1, n_bodies do for path in io.lines(${
      JSON.stringify(join(folder, 'paths'))
    }) do requests[#requests + 1] = wrk.format("${method}", path, headers, bodies[b]) end end end
request = function () n = n % #requests + 1; return requests[n] end
${REPORT}`)
  let output = ''
  const child = startChild(which('wrk')!, argumentsOf({ folder, url: call.url, connections, seconds }), {
    name: 'wrk',
    onOutput: (text) => {
      output += text
    }
  })
  await child.ended
  const { requestsPerSecond: rate, ...times } = readReport(output)
  return { rate, ...times }
}
