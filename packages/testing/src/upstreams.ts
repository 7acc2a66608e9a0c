import { upstreams } from '@gatepost/contracts/declarations'

/** The gateway's settings when one server stands for all services. */
export function upstreamUrls (url: string): Record<string, string> {
  return Object.fromEntries(upstreams.map(({ prefix }) => [`${prefix}_URL`, url]))
}
