import { domainToASCII } from 'node:url'

/**
 * The unique form of an address: the local part in NFC and lower case, and the domain as the DNS has it, so that all
 * its spellings (UTS 46) are one mailbox. Lower-casing can leave NFC (U+0130 does), hence the second normalisation.
 */
export function emailKey (email: string) {
  const at = email.lastIndexOf('@')
  if (at < 0) return lowerCased(email) // the beginning of an address, in a search
  return `${lowerCased(email.slice(0, at))}@${domainKey(email.slice(at + 1))}`
}

/** Keeps a text that is no domain: it receives no mail. A URL's host may have escapes, a domain has none. */
function domainKey (domain: string) {
  return (domain.includes('%') ? '' : domainToASCII(domain)) || lowerCased(domain)
}

function lowerCased (text: string) {
  return text.normalize('NFC').toLowerCase().normalize('NFC')
}
