import { domainToASCII } from 'node:url'

/**
 * What makes an address unique: the local part in NFC and lower case, the domain as the DNS knows it, so that its
 * spellings (UTS 46) are one mailbox. Lower-casing can leave NFC (as with U+0130), hence once more.
 */
export function emailKey (email: string) {
  const at = email.lastIndexOf('@')
  if (at < 0) return lowerCased(email) // the beginning of one, as searches have it
  return `${lowerCased(email.slice(0, at))}@${domainKey(email.slice(at + 1))}`
}

/** A domain that is none stays as it is: it receives no mail. A URL's host may have escapes, a domain has none. */
function domainKey (domain: string) {
  return (domain.includes('%') ? '' : domainToASCII(domain)) || lowerCased(domain)
}

function lowerCased (text: string) {
  return text.normalize('NFC').toLowerCase().normalize('NFC')
}
