import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MAIL_KINDS, placeholdersOf } from '../src/mail/mail-kinds.ts'
import { renderMail } from '../src/mail/mail-templates.ts'
import { loadTemplates } from '../src/mail/template-files.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatepost-templates-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write (file: string, text: string) {
  await mkdir(join(folder, file, '..'), { recursive: true })
  await writeFile(join(folder, file), text)
}
const values = { link: 'https://app.example.org/x?token=a&b=c', code: 'a-code', time: 'now', address: '192.0.2.1' }
const english = { language: null, defaultLanguage: 'en', values }

test('every mail is shipped in English, with its link as text and as HTML', async () => {
  const templates = await loadTemplates()
  for (const kind of MAIL_KINDS) {
    const { subject, text, html } = renderMail(templates, kind, english)
    expect([kind, subject.length > 5, text.includes('{{') || html.includes('{{')]).toEqual([kind, true, false])
    const linked = placeholdersOf(kind).required.includes('link')
    expect([kind, text.includes(values.link)]).toEqual([kind, linked])
    expect([kind, html.includes('<a href="https://app.example.org/x?token=a&#38;b=c">')]).toEqual([kind, linked])
  }
})

test('an operator replaces one mail in one language; all others stay', async () => {
  await write('en/reset-password.txt', 'Subject: Ours\n\nOpen {{link}} now.\n')
  const templates = await loadTemplates(folder)
  expect(renderMail(templates, 'reset-password', english))
    .toMatchObject({ subject: 'Ours', text: `Open ${values.link} now.\n` })
  expect(renderMail(templates, 'verify-email', english).subject).toBe('Confirm your e-mail address')
})

test('a user gets mails in the user’s language, or its nearest, or the default one', async () => {
  await write('de/verify-email.txt', 'Subject: Adresse bestätigen\n\n{{link}}\n')
  await write('de/verify-email.html', '<title>{{subject}}</title><a href="{{link}}">Bestätigen</a>')
  await write('pt-BR/verify-email.txt', 'Subject: Confirme\n\n{{link}}\n')
  const templates = await loadTemplates(folder)
  const subjectFor = (language: string | null, defaultLanguage = 'en', kind = 'verify-email' as const) =>
    renderMail(templates, kind, { language, defaultLanguage, values }).subject
  expect(['de', 'de-AT', 'PT-br', 'fr', null].map((language) => subjectFor(language))).toEqual([
    'Adresse bestätigen',
    'Adresse bestätigen',
    'Confirme',
    'Confirm your e-mail address',
    'Confirm your e-mail address'
  ])
  expect(subjectFor(null, 'de')).toBe('Adresse bestätigen')
  const german = { language: 'de', defaultLanguage: 'en', values }
  expect(renderMail(templates, 'verify-email', german).html)
    .toBe('<title>Adresse bestätigen</title><a href="https://app.example.org/x?token=a&#38;b=c">Bestätigen</a>')
  const changed = renderMail(templates, 'password-changed', german)
  expect(changed.subject).toBe('Your password was changed')
  expect(changed.text).toContain('API keys keep working; delete those you do not know.')
})

test('whatever stands in a value is text in HTML', async () => {
  const templates = await loadTemplates()
  const { html } = renderMail(templates, 'new-device', { ...english, values: { ...values, address: '<b>"\'&' } })
  expect(html).toContain('&#60;b&#62;&#34;&#39;&#38;')
})

test.each([
  ['a link that is missing', 'en/reset-password.txt', 'Subject: x\n\nhello', 'en/reset-password.txt: lacks {{link}}'],
  ['HTML without a text', 'en/reset-password.html', '<p>', 'en/reset-password.html: needs reset-password.txt'],
  ['an unknown placeholder', 'en/email-changed.txt', 'Subject: x\n\n{{link}}', 'email-changed.txt: has {{link}}'],
  ['no subject', 'en/email-changed.txt', 'hello', 'en/email-changed.txt: must begin with a line "Subject: …"'],
  ['a file that is no mail', 'en/reset_password.txt', 'x', 'en/reset_password.txt: is no mail; there are verify'],
  ['a folder that is no language', 'old stuff/x.txt', 'x', 'old stuff: is no language']
])('%s is a clear error', async (_what, file, text, message) => {
  await write(file, text)
  await expect(loadTemplates(folder)).rejects.toThrow(message)
})

test('all faults are told at once, and a folder that is not there is one', async () => {
  await write('en/reset-password.txt', 'hello')
  await write('en/other.txt', 'hello')
  await expect(loadTemplates(folder)).rejects.toThrow(/MAIL_TEMPLATES[^]*other\.txt[^]*Subject[^]*lacks \{\{link\}\}/)
  await expect(loadTemplates(join(folder, 'nowhere'))).rejects.toThrow(/nowhere: cannot be read \(ENOENT\)/)
})
