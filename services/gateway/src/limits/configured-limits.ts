import type { Settings } from '../config.ts'
import type { Limit } from './limit.ts'

/** Default user limit: this many addresses at full rate, for devices, tabs, a script or two. */
const ADDRESSES_OF_A_USER = 5
/** RFC 9651 3.3.1: structured fields have no larger integer. */
const LARGEST = 999_999_999_999_999

/** The limits of this gateway. The user's own can never bite a client that keeps within the one of its address. */
export function limitsOf (settings: Settings): Record<'everything' | 'sensitive' | 'preflight' | 'user', Limit> {
  const { RATE_LIMIT_MAX, RATE_LIMIT_WINDOW, USER_RATE_LIMIT_WINDOW } = settings
  const ofOneAddress = RATE_LIMIT_MAX * Math.ceil(Math.max(1, USER_RATE_LIMIT_WINDOW / RATE_LIMIT_WINDOW))
  return {
    everything: { name: 'default', by: 'address', max: RATE_LIMIT_MAX, windowMs: RATE_LIMIT_WINDOW },
    sensitive: {
      name: 'sensitive',
      by: 'address',
      max: settings.SENSITIVE_RATE_LIMIT_MAX,
      windowMs: settings.SENSITIVE_RATE_LIMIT_WINDOW
    },
    preflight: { name: 'preflight', by: 'address', max: RATE_LIMIT_MAX, windowMs: RATE_LIMIT_WINDOW },
    user: {
      name: 'user',
      by: 'user',
      max: settings.USER_RATE_LIMIT_MAX ?? Math.min(LARGEST, ADDRESSES_OF_A_USER * ofOneAddress),
      windowMs: USER_RATE_LIMIT_WINDOW
    }
  }
}
