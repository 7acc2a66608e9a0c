import type { Decision, Limit, Verdict } from './limit.ts'

/**
 * The RateLimit-Policy and RateLimit fields of draft-ietf-httpapi-ratelimit-headers: structured lists with one item a
 * limit, `q` quota and `w` window in seconds, `r` what remains and `t` the seconds until it is whole again.
 */
export function policyField (limits: readonly Limit[]) {
  return limits.map(({ name, max, windowMs }) => `"${name}";q=${max};w=${seconds(windowMs)}`).join(', ')
}

export function rateLimitField (verdicts: readonly Verdict[]) {
  let field = ''
  for (const { limit, remaining, resetMs } of verdicts) {
    field += `${field && ', '}"${limit.name}";r=${remaining};t=${seconds(resetMs)}`
  }
  return field
}

/** Seconds until a refused request may be tried again: when the last of the exhausted limits has room. */
export function retryAfterSeconds ({ verdicts }: Decision) {
  return seconds(Math.max(0, ...verdicts.filter(({ remaining }) => remaining === 0).map(({ resetMs }) => resetMs)))
}

function seconds (ms: number) {
  return Math.max(1, Math.ceil(ms / 1000))
}
