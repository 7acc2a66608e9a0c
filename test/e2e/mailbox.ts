import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@gatepost/testing/eventually'
import { expect } from 'vitest'

/**
 * The tokens in the mails to an address of one kind, oldest first, once there are so many; '' for a mail without a
 * link.
 */
export function mailsIn (dataDir: string) {
  const folder = join(dataDir, 'mail')
  return (to: string, kind: string, count = 1) =>
    eventually(async () => {
      // the last that is written of a mail
      const files = (await readdir(folder)).filter((file) => file.endsWith(`-${kind}.html`)).sort()
      const mails = await Promise.all(files.map(async (file) => {
        const [raw = '', text = ''] = await Promise
          .all(['eml', 'txt'].map((ending) => readFile(join(folder, file.replace(/html$/, ending)), 'utf8')))
        return { raw, token: /[#?]token=([\w-]+)/.exec(text)?.[1] ?? '' }
      }))
      const found = mails.filter(({ raw }) => raw.includes(`To: ${to}`))
      expect(found).toHaveLength(count)
      return found.map(({ token }) => token)
    })
}
