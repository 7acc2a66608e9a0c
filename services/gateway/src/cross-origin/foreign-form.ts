import { ProblemError } from '@gatepost/service-kit/problem'
import type { FastifyRequest } from 'fastify'

const OWN_SITES = new Set(['same-origin', 'none'])

/**
 * Throws 403 for a form that a page of another origin sends. Browsers say so by `Sec-Fetch-Site`; where they do not,
 * `Origin` says it. Our pages send no Referer, which makes their `Origin` "null" (Fetch, section 3.2).
 */
export function refuseForeignForm ({ headers }: FastifyRequest): void {
  const { origin = 'null', host } = headers
  const site = headers['sec-fetch-site']
  const isOwn = site === undefined || OWN_SITES.has(String(site))
  if (isOwn && (origin === 'null' || hostOf(origin) === host?.toLowerCase())) return
  throw new ProblemError('FORBIDDEN', { detail: 'Only this page itself may send its form, no page of another origin.' })
}

function hostOf (origin: string) {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
