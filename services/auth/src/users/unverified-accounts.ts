import type { Account } from './account.ts'

/**
 * Whether an account may be used. An account from before REQUIRE_EMAIL_VERIFICATION may have been made by a stranger to
 * its address; refusing it is the operator's choice, since it stops everybody who has not confirmed an address yet.
 */
export type MayBeUsed = (account: Pick<Account, 'emailVerified'>) => boolean

export function mayBeUsed (
  { REQUIRE_EMAIL_VERIFICATION, UNVERIFIED_ACCOUNTS }: {
    REQUIRE_EMAIL_VERIFICATION: boolean
    UNVERIFIED_ACCOUNTS: 'allow' | 'refuse'
  }
): MayBeUsed {
  const refuses = REQUIRE_EMAIL_VERIFICATION && UNVERIFIED_ACCOUNTS === 'refuse'
  return ({ emailVerified }) => emailVerified || !refuses
}
