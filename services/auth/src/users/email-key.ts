/** What makes an address unique. Lower-casing can leave NFC (as with U+0130), hence once more. */
export function emailKey (email: string) {
  return email.normalize('NFC').toLowerCase().normalize('NFC')
}
