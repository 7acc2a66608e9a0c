/**
 * The form in which a password is judged and hashed (RFC 8265 section 4.2, OpaqueString): other spaces become U+0020,
 * then NFC, because keyboards send different characters for the same password. Nothing is trimmed, and case counts.
 */
export function opaqueString (password: string) {
  return password.replace(/\p{Zs}/gu, ' ').normalize('NFC')
}
