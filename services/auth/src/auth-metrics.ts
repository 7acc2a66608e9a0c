import { Counter, Gauge, type Registry } from 'prom-client'
import type { PasswordHasher } from './passwords/password-hasher.ts'

/** What attackers and overload look like; counts begin at 0, so that an alarm sees the first. */
export interface AuthMetrics {
  /** A wrong password, or an address without an account. */
  loginFailed (): void
  /** An attempt that was refused because too many failed before. */
  lockedOut (): void
  refreshTokenReused (): void
  observeHasher (hasher: Pick<PasswordHasher, 'waiting' | 'refused'>): void
}

export function createAuthMetrics (registry: Registry): AuthMetrics {
  const counter = (name: string, help: string) =>
    new Counter({ name: `gatepost_auth_${name}`, help, registers: [registry] })
  const failures = counter('login_failures_total', 'Wrong passwords, at login and where a password confirms something.')
  const lockouts = counter('lockouts_total', 'Attempts that were refused because too many failed before.')
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
        help: 'Calls that were told to come back because too many passwords wait.',
        registers: [],
        collect () {
          this.reset()
          this.inc(refused())
        }
      }))
    }
  }
}
