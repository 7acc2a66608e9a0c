import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SettingsError } from '@gatepost/service-kit/settings'
import { MAIL_KINDS, type MailKind, placeholdersOf } from './mail-kinds.ts'
import { placeholdersIn, type Template, type Templates } from './mail-templates.ts'

const SHIPPED = fileURLToPath(new URL('../../mails', import.meta.url))
const LANGUAGE = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i
const SUBJECT = /^Subject: (\S.*)\r?\n\r?\n/

/**
 * The templates that we ship, under those of an operator's folder: `<language>/<kind>.txt`, whose first line is its
 * subject, and `<kind>.html` beside it where the paragraphs of the text are not enough. Throws a {@link SettingsError}
 * that names every file at fault, so that no mail goes out without its link.
 */
export async function loadTemplates (folder?: string): Promise<Templates> {
  const templates = new Map<string, Map<MailKind, Template>>()
  const faults: string[] = []
  for (const root of folder === undefined ? [SHIPPED] : [SHIPPED, folder]) {
    for (const language of await entriesOf(root, faults)) {
      if (!LANGUAGE.test(language)) {
        faults.push(`${language}: is no language such as de or pt-BR`)
        continue
      }
      const read = await readLanguage(root, language, faults)
      const tag = language.toLowerCase()
      templates.set(tag, new Map([...templates.get(tag) ?? [], ...read]))
    }
  }
  if (faults.length > 0) throw new SettingsError(`MAIL_TEMPLATES is ${folder}:\n  ${faults.join('\n  ')}`)
  return templates
}

async function readLanguage (root: string, language: string, faults: string[]) {
  const read = new Map<MailKind, Template>()
  const files = new Set(await entriesOf(join(root, language), faults))
  const known = new Set(MAIL_KINDS.flatMap((kind) => [`${kind}.txt`, `${kind}.html`]))
  for (const file of files) {
    if (!known.has(file)) faults.push(`${language}/${file}: is no mail; there are ${MAIL_KINDS.join(', ')}`)
  }
  for (const kind of MAIL_KINDS) {
    const [text, html] = await Promise.all(['txt', 'html'].map(async (ending) => {
      const file = `${kind}.${ending}`
      return files.has(file) ? await readFile(join(root, language, file), 'utf8') : undefined
    }))
    if (text === undefined) {
      if (html !== undefined) faults.push(`${language}/${kind}.html: needs ${kind}.txt beside it`)
      continue
    }
    const subject = SUBJECT.exec(text)
    if (!subject) faults.push(`${language}/${kind}.txt: must begin with a line "Subject: …" and an empty one`)
    const body = text.slice(subject?.[0].length ?? 0)
    faults.push(...faultsOf(kind, `${language}/${kind}.txt`, body))
    if (html !== undefined) faults.push(...faultsOf(kind, `${language}/${kind}.html`, html, ['subject']))
    read.set(kind, { subject: subject?.[1]!.trim() ?? '', text: body, html })
  }
  return read
}

function faultsOf (kind: MailKind, file: string, text: string, more: readonly string[] = []) {
  const { required, optional } = placeholdersOf(kind)
  const used = placeholdersIn(text)
  const allowed = [...required, ...optional, ...more]
  return [
    ...required.filter((name) => !used.has(name)).map((name) => `${file}: lacks {{${name}}}`),
    ...[...used].filter((name) => !allowed.includes(name)).map((name) =>
      `${file}: has {{${name}}}, which this mail does not know`)
  ]
}

async function entriesOf (folder: string, faults: string[]) {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith('.')).sort()
  } catch (error) {
    faults.push(`${folder}: cannot be read (${(error as NodeJS.ErrnoException).code})`)
    return []
  }
}
