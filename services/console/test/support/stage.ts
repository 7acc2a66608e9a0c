import { chromiumFor, type Page, startChromium } from '@gatepost/testing/chromium'
import { eventually } from '@gatepost/testing/eventually'
import { startSystem, type System } from '@gatepost/testing/system'
import { expect } from 'vitest'
import { readable } from '../../src/database/readable.ts'
import { ask, enter } from './visitor.ts'

export const PASSWORD = 'correct horse battery'
/** Undefined where there is no browser, which is said. */
export const chromium = await chromiumFor('the pages of the console')

export interface Account { userId: string, email: string, accessToken: string, sessionId: string }

interface CallOptions { token?: string, body?: object, traceparent?: string }

/** A real system with its console, and a browser that has opened it. */
export interface Stage {
  system: System
  origin: string
  cookie: string
  page: Page
  call (method: string, path: string, options?: CallOptions): Promise<{ status: number, body: any }>
  register (displayName: string): Promise<Account>
  /** Resolves with the post's id. */
  write (author: Account, title: string, traceparent?: string): Promise<string>
  /** What the page shows, once it says something that matches. */
  seen (pattern: RegExp, withinMs?: number): Promise<string>
  /** Clicks the button of that name, in a dialog if one is open, once it is there. */
  click (name: string): Promise<void>
  fill (selector: string, text: string): Promise<void>
  stop (): Promise<void>
}

export async function startStage (): Promise<Stage> {
  const system = await startSystem({
    env: { RATE_LIMIT_MAX: '1000', SENSITIVE_RATE_LIMIT_MAX: '12' },
    console: readable
  })
  const { origin } = new URL(system.consoleLink!)
  const cookie = await enter(system.consoleLink!)
  const browser = chromium === undefined ? undefined : await startChromium(chromium)
  const page = (await browser?.open())!
  const { text } = await ask(`${origin}/api/links`, { method: 'POST', headers: { cookie, origin } })
  await page?.goto(JSON.parse(text).url)

  async function call (method: string, path: string, { token, body, traceparent }: CallOptions = {}) {
    const answer = await ask(system.gatewayUrl + path, {
      method,
      headers: {
        ...token && { authorization: `Bearer ${token}` },
        ...traceparent && { traceparent },
        ...body && { 'content-type': 'application/json' }
      },
      ...body && { body: JSON.stringify(body) }
    })
    return { status: answer.status, body: answer.text === '' ? {} : JSON.parse(answer.text) }
  }

  return {
    system,
    origin,
    cookie,
    page,
    call,
    async register (displayName) {
      const email = `${displayName.toLowerCase()}@example.com`
      const { body } = await call('POST', '/api/auth/register', { body: { email, password: PASSWORD, displayName } })
      return { userId: body.user.id, email, accessToken: body.accessToken, sessionId: body.sessionId }
    },
    async write (author, title, traceparent) {
      const { status, body } = await call('POST', '/api/posts', {
        token: author.accessToken,
        body: { title, content: '…' },
        traceparent
      })
      expect(status).toBe(201)
      return body.id
    },
    seen: (pattern, withinMs = 10_000) =>
      eventually(async () => {
        const text: string = await page.evaluate('document.querySelector("main").innerText')
        expect(text).toMatch(pattern)
        return text
      }, { withinMs }),
    click: (name) =>
      eventually(() => page.evaluate(`(() => {
        const open = document.querySelector('dialog[open]') ?? document
        const isIt = (button) => button.innerText.trim() === ${JSON.stringify(name)} && !button.disabled
        ;[...open.querySelectorAll('button')].find(isIt).click()
      })()`)),
    async fill (selector, text) {
      await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`)
      await page.type(text)
    },
    async stop () {
      page?.close()
      await browser?.stop()
      await system.stop()
    }
  }
}
