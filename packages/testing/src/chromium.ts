import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** CHROMIUM_BIN, or the first Chromium on PATH; the browser is too large to be fetched for a test. */
export async function findChromium (): Promise<string | undefined> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const candidates = process.env.CHROMIUM_BIN
    ? [process.env.CHROMIUM_BIN]
    : NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  for (const candidate of candidates) {
    if (await access(candidate, constants.X_OK).then(() => true, () => false)) return candidate
  }
  return undefined
}

/** The browser of {@link findChromium}; without one, standard error says what is not tested. */
export async function chromiumFor (subject: string): Promise<string | undefined> {
  const chromium = await findChromium()
  if (chromium === undefined) {
    process.stderr.write(
      `Not tested in a browser: ${subject}. No chromium or google-chrome is on PATH, and CHROMIUM_BIN names none.\n`
    )
  }
  return chromium
}

interface Message {
  id?: number
  method?: string
  params?: any
  sessionId?: string
  result?: any
  error?: { message: string }
}

/** A page of a headless browser over the Chrome DevTools Protocol, with only the commands that the tests need. */
export class Page {
  /** Console errors, uncaught exceptions, failed loads and violations of a Content Security Policy. */
  readonly complaints: string[] = []
  /** Method, URL and status of each request that got an answer. */
  readonly answers: Array<{ method: string, url: string, status: number }> = []
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, PromiseWithResolvers<any>>()
  readonly #methods = new Map<string, string>()
  #session: string | undefined
  #loaded = Promise.withResolvers<void>()
  #id = 0

  constructor (socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data))))
  }

  static async open (browserUrl: string): Promise<Page> {
    const socket = new WebSocket(browserUrl)
    await once(socket, 'open')
    const page = new Page(socket)
    const { targetId } = await page.#send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await page.#send('Target.attachToTarget', { targetId, flatten: true })
    page.#session = sessionId
    for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Audits']) await page.#send(`${domain}.enable`)
    return page
  }

  /** Resolves when the page and its resources are loaded. */
  async goto (url: string) {
    this.#loaded = Promise.withResolvers()
    await this.#send('Page.navigate', { url })
    await this.#loaded.promise
  }

  /** Forbids scripts from the next page on; {@link evaluate} still runs. */
  async disableScripts () {
    await this.#send('Emulation.setScriptExecutionDisabled', { value: true })
  }

  /** Fills the field of a name as a person would: the browser's own checks of forms apply. */
  async fill (name: string, text: string) {
    await this.evaluate(`document.querySelector('[name="${name}"]').focus()`)
    await this.type(text)
  }

  /** Presses a button or follows a link; resolves when the page that it leads to is loaded. */
  async press (selector: string) {
    this.#loaded = Promise.withResolvers()
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`)
    await this.#loaded.promise
  }

  /** The value of an expression, run in the page; promises are waited for. */
  async evaluate (expression: string): Promise<any> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true
    })
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  /** Types a text into the focused element. */
  async type (text: string) {
    await this.#send('Input.insertText', { text })
  }

  /** Shows the page in a window of this width, with a light or a dark colour scheme. */
  async appear ({ width, height, scheme }: { width: number, height: number, scheme: 'light' | 'dark' }) {
    await this.#send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
    await this.#send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] })
  }

  async screenshot () {
    return Buffer.from((await this.#send('Page.captureScreenshot')).data, 'base64')
  }

  close () {
    this.#socket.close()
  }

  #send (method: string, params: object = {}): Promise<any> {
    const id = ++this.#id
    const waiting = Promise.withResolvers<any>()
    this.#waiting.set(id, waiting)
    this.#socket.send(JSON.stringify({ id, method, params, ...this.#session && { sessionId: this.#session } }))
    return waiting.promise
  }

  #hear ({ id, method, params, result, error }: Message) {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error) waiting?.reject(new Error(error.message))
      else waiting?.resolve(result)
    } else if (method === 'Page.loadEventFired') this.#loaded.resolve()
    else if (method === 'Runtime.exceptionThrown') {
      this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text)
    } else if (method === 'Runtime.consoleAPICalled' && (params.type === 'error' || params.type === 'assert')) {
      this.complaints.push(JSON.stringify(params.args.map((arg: any) => arg.value ?? arg.description)))
    } else if (method === 'Log.entryAdded' && params.entry.level === 'error') {
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`)
    } else if (method === 'Audits.issueAdded' && params.issue.code === 'ContentSecurityPolicyIssue') {
      this.complaints.push(JSON.stringify(params.issue.details))
    } else if (method === 'Network.requestWillBeSent') this.#methods.set(params.requestId, params.request.method)
    else if (method === 'Network.responseReceived') {
      this.answers.push({
        method: this.#methods.get(params.requestId) ?? 'GET',
        url: params.response.url,
        status: params.response.status
      })
    }
  }
}

/** A headless browser with a profile of its own, which ends with it. */
export async function startChromium (binary: string) {
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-chromium-'))
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const child = spawn(binary, [
    '--headless=new',
    '--window-size=1400,1000',
    '--remote-debugging-port=0',
    `--user-data-dir=${folder}`,
    '--no-first-run',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-component-update',
    ...asRoot,
    'about:blank'
  ], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'exit')
  const url = await addressOf(child)
  return {
    open: () => Page.open(url),
    async stop () {
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    }
  }
}

async function addressOf (child: ChildProcess) {
  for await (const line of createInterface(child.stderr!)) {
    const url = /^DevTools listening on (ws:\S+)/.exec(line)?.[1]
    if (url === undefined) continue
    child.stderr!.resume()
    return url
  }
  throw new Error('the browser ended before it listened')
}
