import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface WrittenMail {
  kind: string
  to: string
  subject: string
  text: string
  /** The token of its link, if it has one. */
  token: string | undefined
}

/** The mails that were written to a folder, oldest first. */
export async function readMails (directory: string): Promise<WrittenMail[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.html')).map((file) =>
    file.replace(/\.html$/, '')
  ).sort()
  return Promise.all(files.map(async (file) => {
    const [raw, text] = await Promise.all([
      readFile(join(directory, `${file}.eml`), 'utf8'),
      readFile(join(directory, `${file}.txt`), 'utf8')
    ])
    return {
      kind: file.slice(37),
      to: /^To: (.*)\r?$/m.exec(raw)?.[1] ?? '',
      subject: /^Subject: (.*)\r?$/m.exec(raw)?.[1] ?? '',
      text,
      token: /[#?]token=([A-Za-z0-9_-]+)/.exec(text)?.[1]
    }
  }))
}
