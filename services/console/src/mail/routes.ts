import type { App } from '@gatepost/service-kit/server'
import type { LivePages } from '../live/live-pages.ts'
import { showAgain } from '../live/repeat.ts'
import { listMails, readMail } from './mailbox.ts'

const ID = /^[0-9a-f-]{36}$/
/** A mail is somebody's text: it runs nothing, loads nothing, and its links open elsewhere. */
const FRAME_POLICY = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; " +
  "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

export function mailRoutes (app: App, { live, folder }: { live: LivePages, folder: string | undefined }): void {
  app.get('/api/mails', (_request, reply) => {
    live.open(reply, (page) => showAgain(page, 'mails', async () => ({
      mails: folder === undefined ? [] : await listMails(folder),
      hasFolder: folder !== undefined
    })))
  })

  for (const form of ['html', 'txt'] as const) {
    app.get(`/mail-content/:id.${form}`, async (request, reply) => {
      const { id } = request.params as { id: string }
      const text = folder !== undefined && ID.test(id) ? await readMail(folder, id, form) : undefined
      if (text === undefined) return reply.code(404).send({ message: 'There is no such mail.' })
      if (form === 'txt') return reply.type('text/plain; charset=utf-8').send(text)
      reply.headers({ 'content-security-policy': FRAME_POLICY, 'x-frame-options': 'SAMEORIGIN' })
      return reply.type('text/html; charset=utf-8').send(withLinksElsewhere(text))
    })
  }
}

/** Links of a mail name no target; in the frame they would stay in it. */
function withLinksElsewhere (html: string) {
  return html.replaceAll(/<a /g, '<a target="_blank" rel="noopener noreferrer" ')
}
