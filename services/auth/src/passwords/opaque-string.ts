/**
 * The form in which a password is judged and hashed (RFC 8265 section 4.2, OpaqueString): other spaces are U+0020, then
 * NFC. Nothing is trimmed and case counts. Keyboards differ in what they send for the same password.
 */
export function opaqueString (password: string) {
  return password.replace(/\p{Zs}/gu, ' ').normalize('NFC')
}
