import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chromiumFor, type Page, startChromium } from '@gatepost/testing/chromium'
import { eventually } from '@gatepost/testing/eventually'
import { startSystem, type System } from '@gatepost/testing/system'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { call } from './client.ts'

const PASSWORD = 'violet tram 92 over Dresden'
const NEW_PASSWORD = 'amber ferry 17 under Lisbon'
const chromium = await chromiumFor('the pages that links of mails lead to')

/** The link of the newest mail of a kind to an address. */
function linkIn (dataDir: string, to: string, kind: string): Promise<string> {
  return eventually(async () => {
    const folder = join(dataDir, 'mail')
    const files = (await readdir(folder)).filter((file) => file.endsWith(`-${kind}.html`)).sort().reverse()
    for (const file of files) {
      const [raw, text] = await Promise.all(['eml', 'txt'].map((ending) =>
        readFile(join(folder, file.replace(/html$/, ending)), 'utf8')))
      if (raw!.includes(`To: ${to}`)) return /^http\S+$/m.exec(text!)![0]
    }
    throw new Error(`no mail ${kind} to ${to} yet`)
  })
}

describe.skipIf(chromium === undefined)('a person with a browser that runs no scripts', () => {
  let system: System
  let browser: Awaited<ReturnType<typeof startChromium>>
  let page: Page
  beforeAll(async () => {
    const env = { RATE_LIMIT_MAX: '100000', SENSITIVE_RATE_LIMIT_MAX: '100000', REQUIRE_EMAIL_VERIFICATION: 'true' };
    [system, browser] = await Promise.all([startSystem({ env }), startChromium(chromium!)])
  }, 60_000)
  afterAll(async () => {
    await browser?.stop()
    await system?.stop()
  })
  beforeEach(async () => {
    page = await browser.open()
    await page.disableScripts()
  })
  afterEach(() => {
    page.close()
  })

  const text = () => page.evaluate('document.querySelector("main").innerText')
  const login = async (email: string, password: string) =>
    (await call(system.gatewayUrl, 'POST', '/api/auth/login', { body: { email, password } }))

  /** An account, begun by the link of its mail. */
  async function account (email: string) {
    await call(system.gatewayUrl, 'POST', '/api/auth/register', {
      body: { email, password: PASSWORD, displayName: 'Ada' }
    })
    await page.goto(await linkIn(system.dataDir, email, 'confirm-registration'))
    await page.fill('password', PASSWORD)
    await page.press('button')
    expect(await text()).toContain('Your account has begun.')
  }

  test('begins an account, and is told what is wrong before', async () => {
    const email = 'begins@example.test'
    await call(system.gatewayUrl, 'POST', '/api/auth/register', {
      body: { email, password: PASSWORD, displayName: 'Ada' }
    })
    await page.goto(await linkIn(system.dataDir, email, 'confirm-registration'))
    await page.fill('password', 'not the password')
    await page.press('button')
    expect(await page.evaluate('document.querySelector("[role=alert]").innerText')).toContain('Wrong password')
    expect(await page.evaluate('location.href')).toBe(`${system.gatewayUrl}/confirm-registration`)
    await page.fill('password', PASSWORD)
    await page.press('button')
    expect(await text()).toContain('Your account has begun.')
    expect((await login(email, PASSWORD)).status).toBe(200)
    expect(page.complaints.filter((complaint) => !complaint.includes('403'))).toEqual([])
  })

  test('chooses a new password, once by each link, and asks for the next from the page that refuses', async () => {
    const email = 'forgets@example.test'
    await account(email)
    await page.goto(`${system.gatewayUrl}/forgot-password`)
    await page.fill('email', email)
    await page.press('button')
    expect(await text()).toContain('a mail is on its way')
    const link = await linkIn(system.dataDir, email, 'reset-password')
    await page.goto(link)
    await page.fill('newPassword', NEW_PASSWORD)
    await page.press('button')
    expect(await text()).toContain('Your password is set.')
    expect([(await login(email, PASSWORD)).status, (await login(email, NEW_PASSWORD)).status]).toEqual([401, 200])

    await page.goto(link)
    await page.fill('newPassword', PASSWORD)
    await page.press('button')
    expect(await text()).toContain('was used already or has expired')
    await page.press('[role=alert] a')
    expect(await page.evaluate('location.pathname')).toBe('/forgot-password')
  })

  test('confirms a new address; the session stays', async () => {
    const [email, next] = ['moves@example.test', 'moved@example.test']
    await account(email)
    const { body: { accessToken } } = await login(email, PASSWORD)
    const asked = await call(system.gatewayUrl, 'POST', '/api/auth/change-email', {
      token: accessToken,
      body: { email: next, password: PASSWORD }
    })
    expect(asked.status).toBe(202)
    await page.goto(await linkIn(system.dataDir, next, 'confirm-email-change'))
    await page.press('button')
    expect(await text()).toContain('Your e-mail address is changed.')
    const { body } = await call(system.gatewayUrl, 'GET', '/api/auth/me', { token: accessToken })
    expect(body).toMatchObject({ email: next, emailVerified: true })
  })

  test('sees pages in light and dark, a label for each field, and no token in the address afterwards', async () => {
    await page.goto(`${system.gatewayUrl}/reset-password?token=a-token`)
    const colours = []
    for (const scheme of ['light', 'dark'] as const) {
      await page.appear({ width: 360, height: 700, scheme })
      colours.push(await page.evaluate('getComputedStyle(document.querySelector("h1")).color'))
    }
    expect(new Set(colours).size).toBe(2)
    const labels = '[...document.querySelectorAll("input:not([type=hidden])")].map((input) => input.labels.length)'
    expect(await page.evaluate(labels)).toEqual([1])
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.fill('newPassword', NEW_PASSWORD)
    await page.press('button')
    expect(await page.evaluate('[location.search, document.referrer, document.documentElement.lang]'))
      .toEqual(['', '', 'en'])
  })
})
