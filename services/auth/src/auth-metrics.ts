import { Counter, Gauge, type Registry } from 'prom-client'
import type { PasswordHasher } from './passwords/password-hasher.ts'

/** Signs of attacks and of overload. Counters begin at 0, so that an alarm sees the first increase. */
export interface AuthMetrics {
  /** A wrong password, or an address without an account. */
  loginFailed (): void
  /** An attempt that is refused because of the failures before it. */
  lockedOut (): void
  refreshTokenReused (): void
  observeHasher (hasher: Pick<PasswordHasher, 'waiting' | 'refused'>): void
}

export function createAuthMetrics (registry: Registry): AuthMetrics {
  const counter = (name: string, help: string) =>
    new Counter({ name: `gatepost_auth_${name}`, help, registers: [registry] })
  const failures = counter('login_failures_total', 'Wrong passwords, at login and wherever a password is asked for.')
  const lockouts = counter('lockouts_total', 'Attempts that were refused because of the failures before them.')
  const reuses = counter(
    'refresh_token_reuses_total',
    'Sessions that ended because an old refresh token was presented.'
  )
  return {
    loginFailed: () => failures.inc(),
    lockedOut: () => lockouts.inc(),
    refreshTokenReused: () => reuses.inc(),
    observeHasher ({ waiting, refused }) {
      registry
        .registerMetric(new Gauge({
          name: 'gatepost_auth_hashes_waiting',
          help: 'Passwords that wait to be hashed.',
          registers: [],
          collect () {
            this.set(waiting())
          }
        }))
      registry.registerMetric(new Counter({
        name: 'gatepost_auth_hashes_refused_total',
        help: 'Calls that were answered 503 because too many passwords wait.',
        registers: [],
        collect () {
          this.reset()
          this.inc(refused())
        }
      }))
    }
  }
}
