import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface MailRow {
  id: string
  kind: string
  to: string
  subject: string
  at: string
}

const NEWEST = 200
const FILE = /^([0-9a-f-]{36})-([a-z-]+)\.html$/
const MAX_BYTES = 1_048_576

/** The mails that auth wrote as files, newest first. A folder that is not there yet is an empty one. */
export async function listMails (folder: string): Promise<MailRow[]> {
  const names = await readdir(folder).catch(() => [])
  const found = names.map((name) => FILE.exec(name)).filter((match) => match !== null)
    .sort((a, b) => b[0] < a[0] ? -1 : 1).slice(0, NEWEST)
  return Promise.all(found.map(([name, id, kind]) => rowOf(folder, name!, id!, kind!)))
}

async function rowOf (folder: string, name: string, id: string, kind: string): Promise<MailRow> {
  const raw = await readFile(join(folder, name.replace(/html$/, 'eml')), 'utf8').catch(() => '')
  const head = raw.split(/\r?\n\r?\n/, 1)[0]!.replace(/\r?\n[ \t]+/g, ' ')
  const field = (wanted: string) => decoded(new RegExp(`^${wanted}: (.*)$`, 'mi').exec(head)?.[1] ?? '')
  const { mtime } = await stat(join(folder, name))
  return { id, kind, to: field('to'), subject: field('subject'), at: mtime.toISOString() }
}

/** RFC 2047, in UTF-8, as nodemailer writes it. */
function decoded (text: string) {
  return text.replace(/=\?utf-8\?([bq])\?([^?]*)\?=\s?/gi, (_all, kind: string, body: string) =>
    kind.toLowerCase() === 'b'
      ? Buffer.from(body, 'base64').toString()
      : Buffer.from(body.replaceAll('_', ' ').replace(/=([0-9a-f]{2})/gi, (_match, hex: string) =>
        String.fromCharCode(parseInt(hex, 16))), 'latin1').toString())
}

/** One form of a mail; undefined when there is none of that id. */
export async function readMail (folder: string, id: string, form: 'html' | 'txt'): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => [])
  const name = names.find((name) => FILE.exec(name)?.[1] === id)
  if (name === undefined) return undefined
  return (await readFile(join(folder, name.replace(/html$/, form)), 'utf8')).slice(0, MAX_BYTES)
}
