/** Signs and digits that stand for letters. Some stand for either of two. */
const LETTERS: Record<string, string> = {
  '@': 'a',
  4: 'a',
  8: 'b',
  '(': 'c',
  3: 'e',
  '€': 'e',
  6: 'g',
  9: 'g',
  '!': 'i',
  '|': 'i',
  1: 'i',
  0: 'o',
  $: 's',
  5: 's',
  '+': 't',
  7: 't',
  2: 'z'
}
const OTHER_LETTERS: Record<string, string> = { ...LETTERS, 1: 'l', '!': 'l', '|': 'l' }
/** Room for a year, an exclamation mark and other additions that satisfy a rule. */
const MAX_ENDINGS = 6

/** The text with letters in place of the signs and digits that stand for them, in both readings. */
export function undisguised (text: string): string[] {
  return [LETTERS, OTHER_LETTERS].map((letters) =>
    [...text.toLowerCase()].map((character) => letters[character] ?? character).join('')
  )
}

/**
 * The words that a password may be made from: without digits and signs at its ends, and with letters for those inside.
 */
export function disguisedWords (password: string): string[] {
  const text = password.normalize('NFKC').toLowerCase()
  const [head, tail] = [text.replace(/^[^\p{L}]+/u, ''), text.replace(/[^\p{L}]+$/u, '')]
  const bare = head.replace(/[^\p{L}]+$/u, '')
  return [text, head, tail, bare]
    .filter((core) => text.length - core.length <= Math.max(MAX_ENDINGS, core.length))
    .flatMap((core) => [core, ...undisguised(core)])
}
