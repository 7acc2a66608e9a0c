import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { chromiumFor, startChromium, type Page } from '@gatepost/testing/chromium'
import { eventually } from '@gatepost/testing/eventually'
import type { System } from '@gatepost/testing/system'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../src/index.ts'
import { root, type Installed } from '../support/installed.ts'

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }

export type PageServer = Awaited<ReturnType<typeof startPageServer>>

/** Serves `examples/browser`, and the installed client where the page's import map looks for it. */
export async function startPageServer () {
  let modules = ''
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://x')
    const base = pathname.startsWith('/node_modules/') ? modules : join(root, 'examples/browser')
    const file = join(base, pathname === '/' ? 'index.html' : pathname)
    const content = await readFile(file).catch(() => undefined)
    response.writeHead(content ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'text/plain' }).end(content)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    serveModulesOf (folder: string) { modules = folder },
    async stop () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

const chromium = await chromiumFor('the example page of the client')

/** The example page in a browser, from an origin of its own. */
export function browser (given: () => { client: Installed, system: System, pages: PageServer }) {
  describe.skipIf(chromium === undefined)('in a browser, from another origin', () => {
    let chrome: Awaited<ReturnType<typeof startChromium>>
    let address: string
    const account = { email: 'page@example.com', password: 'correct horse battery' }
    beforeAll(async () => {
      const { client, system, pages } = given()
      pages.serveModulesOf(client.folder)
      address = `${pages.origin}/?api=${system.gatewayUrl}`
      const api = createClient({ baseUrl: system.gatewayUrl })
      const [started] = await Promise.all([
        startChromium(chromium!),
        api.register({ body: { ...account, displayName: 'Page' } })
      ])
      chrome = started
    }, 60_000)
    afterAll(() => chrome?.stop())

    const send = (page: Page, form: string, fields: Record<string, string>) =>
      page.evaluate(`(() => {
        const form = document.getElementById('${form}')
        for (const [name, value] of Object.entries(${JSON.stringify(fields)})) form.elements[name].value = value
        form.requestSubmit()
      })()`)
    const shown = (page: Page, form: string) => page.evaluate(`!document.getElementById('${form}').hidden`)
    /** What was posted before is not shown. */
    const follows = (page: Page) => eventually(() =>
      expect(page.answers).toContainEqual(expect.objectContaining({
        url: expect.stringMatching(/\/api\/events$/),
        status: 200
      }))
    )
    const text = (page: Page) => page.evaluate('document.body.innerText')

    test('the example page logs in, posts, shows live events, and logs out in every tab', async () => {
      const [one, two] = [await chrome.open(), await chrome.open()]
      await one.goto(address)
      await send(one, 'login', { ...account, password: 'wrong' })
      await eventually(async () => expect(await text(one)).toContain('E-mail address or password is wrong.'))
      await send(one, 'login', account)
      await eventually(async () => expect(await shown(one, 'post')).toBe(true))
      await two.goto(address)
      expect(await shown(two, 'post')).toBe(true)
      for (const page of [one, two]) await follows(page)

      for (const number of [1, 2, 3]) {
        await send(one, 'post', { title: `From a page, ${number}`, content: 'x' })
        for (const page of [one, two]) {
          await eventually(async () => expect(await text(page)).toContain(`From a page, ${number}`))
        }
      }

      await two.evaluate("document.getElementById('logout').click()")
      for (const page of [one, two]) await eventually(async () => expect(await shown(page, 'login')).toBe(true))
      expect(await one.evaluate('localStorage.length')).toBe(0)
      for (const page of [one, two]) page.close()
    }, 60_000)
  })
}
