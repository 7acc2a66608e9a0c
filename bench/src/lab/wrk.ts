import { join } from 'node:path'

/** The file of a wrk script, in a folder of its own. */
export const SCRIPT = 'load.lua'

/** Lua for the end of a wrk script: prints one line that {@link readReport} reads. */
export const REPORT = `done = function (summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end`

/** What wrk measured; `p50` and `p99` in milliseconds. Throws with wrk's output when the report is missing. */
export function readReport (output: string) {
  const result = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(output)
  if (!result) throw new Error(`wrk failed\n${output}`)
  const [requests, micros, p50, p99, errors] = result.slice(1).map(Number) as [number, number, number, number, number]
  return { requestsPerSecond: requests / (micros / 1e6), p50: p50 / 1000, p99: p99 / 1000, errors }
}

/** wrk's arguments for a script of this folder. */
export function argumentsOf ({ folder, url, connections, seconds }: {
  folder: string, url: string, connections: number, seconds: number
}) {
  return ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '5s', '-s', join(folder, SCRIPT), url]
}
