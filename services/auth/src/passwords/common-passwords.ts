import { dictionary } from '@zxcvbn-ts/language-common'

const common = new Set(dictionary['passwords-common'])

/** How many passwords the list holds. */
export const COMMON_PASSWORD_COUNT = common.size

/** Whether the password, in any case, is one of those that are tried first. */
export function isCommonPassword (password: string) {
  return common.has(password.toLowerCase())
}
