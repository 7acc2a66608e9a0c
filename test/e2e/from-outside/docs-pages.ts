import { declarations } from '@gatepost/contracts/declarations'
import { events } from '@gatepost/contracts/events'
import { operations } from '@gatepost/contracts/operations'
import { chromiumFor, type Page, startChromium } from '@gatepost/testing/chromium'
import type { System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { register } from '../client.ts'

const chromium = await chromiumFor('the docs pages')

/** The pages of the documentation in a browser. */
export function docsPages (started: () => System) {
  describe.skipIf(chromium === undefined)(
    'in a browser that is called by another name of the gateway than its PUBLIC_URL',
    () => {
      let system: System
      let browser: Awaited<ReturnType<typeof startChromium>>
      let origin: string
      beforeAll(async () => {
        system = started()
        browser = await startChromium(chromium!)
        origin = system.gatewayUrl.replace('127.0.0.1', 'localhost')
      }, 60_000)
      afterAll(() => browser?.stop())

      const text = (page: Page) => page.evaluate('document.body.innerText')
      /** Clicks the first element of a kind whose text matches, once it is there. */
      async function click (page: Page, selector: string, pattern: RegExp) {
        await eventually(async () => {
          const found = await page
            .evaluate(`(() => { const one = [...document.querySelectorAll('${selector}')].find((element) => ${
              String(pattern)
            }.test(element.innerText)); one?.click(); return one !== undefined })()`)
          expect(found, `${selector} ${String(pattern)}`).toBe(true)
        }, { withinMs: 20_000 })
      }

      test('/docs shows every operation, and a stranger with a token can try one out', async () => {
        const { accessToken } = await register(system.gatewayUrl, 'Ada Lovelace')
        const page = await browser.open()
        await page.goto(`${origin}/docs`)
        await click(page, 'a', /Read your own account/)
        for (const { name } of declarations.slice(1)) { // the first is open
          await click(page, 'button', new RegExp(`Open Group - ${name}`))
        }
        await eventually(async () =>
          expect((await text(page)).split(/\s*\n\s*/)).toEqual(expect.arrayContaining(operations.map(({ summary }) =>
            summary
          ))), { withinMs: 20_000 })

        await page.evaluate('document.querySelector(\'input[placeholder="Token"]\').focus()')
        await page.type(accessToken)
        await click(page, 'button', /Test Request\s+\(get \/api\/auth\/me\)/)
        await click(page, 'button', /^\s*Send/)
        await eventually(async () =>
          expect(await text(page)).toMatch(/200 OK[^]*"displayName": "Ada Lovelace"/), { withinMs: 20_000 })
        expect(page.answers).toContainEqual({ method: 'GET', url: `${origin}/api/auth/me`, status: 200 })
        expect(page.answers.filter(({ url }) =>
          new URL(url).origin !== origin && /^http/.test(url)
        )).toEqual([])
        expect(page.complaints).toEqual([])
        page.close()
      }, 90_000)

      test('/docs/events shows every event, and every problem has its page', async () => {
        const page = await browser.open()
        await page.goto(`${origin}/docs/events`)
        for (const { type, subject } of events) {
          expect(await text(page)).toMatch(new RegExp(`${type}[^]*${subject}`))
        }
        await page.goto(`${origin}/problems/RATE_LIMITED`)
        expect(await text(page)).toContain('429')
        expect(page.complaints).toEqual([])
        page.close()
      })
    }
  )
}
