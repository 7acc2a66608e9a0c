import type { EmailPurpose } from '../../generated/client.ts'

export interface Link {
  /** The page of a web application. */
  page: string
  /** The page of the gateway, if it has another name. */
  ownPage?: string
}

const HOUR_SECONDS = 3_600
const DAY_SECONDS = 86_400

/** The page, the purpose and the life of each kind's link. */
export const LINKS = {
  'verify-email': { page: 'verify-email', purpose: 'verify_email', seconds: DAY_SECONDS },
  'confirm-registration': {
    page: 'verify-email',
    ownPage: 'confirm-registration',
    purpose: 'confirm',
    seconds: DAY_SECONDS
  },
  'confirm-email-change': { page: 'confirm-email-change', purpose: 'change_email', seconds: DAY_SECONDS },
  'reset-password': { page: 'reset-password', purpose: 'reset_password', seconds: HOUR_SECONDS },
  'reset-required': { page: 'reset-password', purpose: 'reset_password', seconds: DAY_SECONDS },
  invitation: { page: 'reset-password', purpose: 'reset_password', seconds: 7 * DAY_SECONDS }
} as const satisfies Record<string, Link & { purpose: EmailPurpose, seconds: number }>

const WITHOUT_LINK = [
  'address-in-use',
  'email-change-requested',
  'email-changed',
  'password-changed',
  'role-changed',
  'account-deleted',
  'api-key-created',
  'api-key-deleted',
  'new-device'
] as const

export type MailKind = keyof typeof LINKS | typeof WITHOUT_LINK[number]

export const MAIL_KINDS: readonly MailKind[] = [...Object.keys(LINKS) as Array<keyof typeof LINKS>, ...WITHOUT_LINK]

/** What stands in a mail beside its template. Nothing of it was chosen by the sender of a request. */
export type MailValues = Readonly<Record<string, string>>

/** The names of a kind's values: those that a template must use, and those that it may. */
export function placeholdersOf (kind: MailKind): { required: readonly string[], optional: readonly string[] } {
  if (kind in LINKS) return { required: ['link'], optional: ['code'] }
  return kind === 'new-device' ? { required: ['time', 'address'], optional: [] } : { required: [], optional: [] }
}
