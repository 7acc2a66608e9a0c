import type { MailKind, MailValues } from './mail-kinds.ts'

export interface MailContent {
  subject: string
  text: string
  html: string
}

/** A template as its files have it. */
export interface Template {
  subject: string
  text: string
  /** Without one, the paragraphs of the text. */
  html?: string
}

/** The templates of each language, by BCP 47 tag in lower case. */
export type Templates = ReadonlyMap<string, ReadonlyMap<MailKind, Template>>

/** In which every kind has a template. */
export const FALLBACK_LANGUAGE = 'en'
const PLACEHOLDER = /\{\{(\w+)\}\}/g

export function placeholdersIn (text: string): Set<string> {
  return new Set([...text.matchAll(PLACEHOLDER)].map(([, name]) => name!))
}

/** Writes a mail in the first language that has a template of its kind: the tag, its language, the default, English. */
export function renderMail (
  templates: Templates,
  kind: MailKind,
  { language, defaultLanguage, values }: { language: string | null, defaultLanguage: string, values: MailValues }
): MailContent {
  const wanted = [language, language?.split('-')[0], defaultLanguage, FALLBACK_LANGUAGE]
  const tags = wanted.flatMap((tag) => tag ? [tag.toLowerCase()] : [])
  const found = tags.find((tag) => templates.get(tag)?.has(kind))!
  const { subject, text, html } = templates.get(found)!.get(kind)!
  return {
    subject,
    text: filled(text, values),
    html: html === undefined
      ? htmlOf(found, subject, text, values)
      : filled(html, { ...escaped(values), subject: escapeHtml(subject) })
  }
}

function htmlOf (language: string, subject: string, text: string, values: MailValues) {
  const paragraphs = text.trim().split(/\n{2,}/).map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`).join('\n')
    .replace('{{link}}', `<a href="{{link}}">${escapeHtml(subject)}</a>`)
    .replace('{{code}}', '<code>{{code}}</code>')
  return `<!doctype html><html lang="${language}"><meta charset="utf-8"><title>${escapeHtml(subject)}</title><body>
${filled(paragraphs, escaped(values))}
</body></html>
`
}

function filled (text: string, values: MailValues) {
  return text.replace(PLACEHOLDER, (_whole, name: string) => values[name] ?? '')
}

function escaped (values: MailValues): MailValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, escapeHtml(value)]))
}

function escapeHtml (text: string) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
