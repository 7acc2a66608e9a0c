import { constants } from 'node:fs'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { CheckResult } from '@gatepost/service-kit/health'
import type { FastifyBaseLogger } from 'fastify'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type * as nodemailer from 'nodemailer'
import type { MailContent } from './mail-templates.ts'

export interface Mailer {
  /** Rejects when the mail could not be handed over. */
  send (to: string, kind: string, content: MailContent): Promise<void>
  /** Whether mails can go anywhere; a mail server that is away says so at each mail. */
  check (): CheckResult | Promise<CheckResult>
  close (): void
}

export interface MailerOptions {
  smtpUrl?: string
  directory: string
  from: string
  log: FastifyBaseLogger
}

const SMTP_TIMEOUT_MS = 15_000

/** Sends through SMTP when a server is set; otherwise writes files and logs their names, never their content. */
export function createMailer ({ smtpUrl, directory, from, log }: MailerOptions): Mailer {
  return smtpUrl ? smtpMailer(smtpUrl, from, log) : fileMailer(resolve(directory), from, log)
}

/** Connections to the mail server, kept while there are mails; each takes one mail at a time. */
const MAX_CONNECTIONS = 4

function smtpMailer (url: string, from: string, log: FastifyBaseLogger): Mailer {
  const transport = onceLoaded(({ createTransport }) =>
    createTransport({
      url,
      pool: true,
      maxConnections: MAX_CONNECTIONS,
      maxRequeues: 1,
      connectionTimeout: SMTP_TIMEOUT_MS,
      greetingTimeout: SMTP_TIMEOUT_MS,
      socketTimeout: SMTP_TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true
    })
  )
  return {
    async send (to, kind, content) {
      const { messageId } = await (await transport.get()).sendMail({ from, to, ...content })
      log.info({ kind, messageId }, 'mail sent')
    },
    check: () => ({ status: 'up' }),
    close: transport.close
  }
}

const NO_SERVER = 'there is no SMTP_URL, so mails reach nobody'

function fileMailer (directory: string, from: string, log: FastifyBaseLogger): Mailer {
  log.warn({ directory }, `${NO_SERVER}: they are written as files`)
  const prepare = () => mkdir(directory, { recursive: true, mode: 0o700 })
  const transport = onceLoaded(({ createTransport }) =>
    createTransport({ streamTransport: true, buffer: true, disableFileAccess: true, disableUrlAccess: true })
  )
  return {
    async send (to, kind, content) {
      const { message } = await (await transport.get()).sendMail({ from, to, ...content })
      await prepare()
      const file = resolve(directory, `${uuidv7()}-${kind}`)
      await writeFile(`${file}.eml`, message as Buffer, { mode: 0o600 })
      await writeFile(`${file}.txt`, content.text, { mode: 0o600 })
      await writeFile(`${file}.html`, content.html, { mode: 0o600 })
      log.info({ kind, file: `${file}.eml` }, 'mail written')
    },
    async check () {
      try {
        await prepare()
        await access(directory, constants.W_OK)
        return { status: 'up', detail: `${NO_SERVER}: they are files` }
      } catch {
        return { status: 'degraded', detail: `${NO_SERVER}, and MAIL_DIR cannot be written` }
      }
    },
    close: transport.close
  }
}

/** A transport of nodemailer's. The library takes several megabytes, so the first mail loads it. */
function onceLoaded<Info> (create: (library: typeof nodemailer) => nodemailer.Transporter<Info>) {
  let transport: Promise<nodemailer.Transporter<Info>> | undefined
  return {
    get () {
      transport ??= import('nodemailer').then(create).catch((error: unknown) => {
        transport = undefined // the next mail tries again
        throw error
      })
      return transport
    },
    // a load that failed has rejected the mail already
    close: () => { void transport?.then((loaded) => loaded.close(), () => {}) }
  }
}
