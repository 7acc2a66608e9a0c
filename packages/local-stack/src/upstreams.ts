import * as http from 'node:http'
import * as https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { prefixOf } from '@gatepost/contracts/service'
import type { Env } from './environment.ts'

const PATIENCE_MS = 3_000
const ANSWER_MS = 1_000

/**
 * Rejects when a variable such as AUTH_URL names instances of a service and none of them answers, whatever it answers.
 */
export async function refuseDeadUrls (service: string, env: Env): Promise<void> {
  const variable = `${prefixOf(service)}_URL`
  const urls = (env[variable] ?? '').split(',').map((url) => url.trim()).filter(Boolean)
  if (urls.length === 0) return
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100)) {
    const faults = await Promise.all(urls.map(faultOf))
    if (faults.includes(undefined)) return
    if (Date.now() > deadline) {
      throw new Error(`${variable} is "${urls.join(',')}": nobody answers there (${
        [...new Set(faults)].join(', ')
      }); name running instances of ${service}, or unset it to use the one of this start`)
    }
  }
}

/** Why there is no answer to `/live`; undefined when there is one. */
function faultOf (url: string) {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const { get } = url.startsWith('https:') ? https : http
  const asked = get(new URL('/live', url), { agent: false, signal: AbortSignal.timeout(ANSWER_MS) }, (answer) => {
    answer.resume()
    resolve(undefined)
  })
  asked.on(
    'error',
    (error: NodeJS.ErrnoException) => resolve(error.name === 'AbortError' ? 'no answer' : error.code ?? error.message)
  )
  return promise
}
