import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { AuthServer } from './auth-server.ts'

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

/** Waits until every job is done: a mail that is not written by then is not written at all. */
export const mailsDone = (auth: AuthServer) =>
  expect.poll(() => auth.sql('SELECT kind FROM jobs WHERE failed_at IS NULL'), { timeout: 10_000 }).toEqual([])

/** All mails to an address so far, oldest first. */
export async function mailsTo (auth: AuthServer, address: string) {
  await mailsDone(auth)
  return (await readMails(auth.mailDir)).filter(({ to }) => to === address)
}

/** The newest mail of a kind to an address. */
export async function mailTo (auth: AuthServer, address: string, kind: string) {
  const mail = (await mailsTo(auth, address)).findLast((each) => each.kind === kind)
  if (!mail) throw new Error(`no mail of kind ${kind} to ${address}`)
  return mail
}
