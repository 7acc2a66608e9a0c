import { formPages } from '@gatepost/contracts/gateway/page-operations'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startGateway, type TestGateway } from './support/gateway.ts'

const TOKEN = 'a_token-of-the-mail'
let gateway: TestGateway
let limited: TestGateway
beforeAll(async () => {
  const way = { NATS_URL: 'nats://127.0.0.1:1' };
  [gateway, limited] = await Promise.all([
    startGateway(way, { waits: false }),
    startGateway({ ...way, SENSITIVE_RATE_LIMIT_MAX: '2' }, { waits: false })
  ])
})
afterAll(async () => {
  await Promise.all([gateway.stop(), limited.stop()])
})
beforeEach(() => {
  gateway.upstream.received.length = 0
  answerWith(204)
})

function answerWith (status: number, problem?: object) {
  gateway.upstream.handler = (_request, response) => {
    response.writeHead(status, problem && { 'content-type': 'application/problem+json' })
    response.end(problem && JSON.stringify({ status, title: 'x', ...problem }))
  }
}

const HTML = { accept: 'text/html,*/*;q=0.8' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
type Form = Record<string, string> | string
function submit (path: string, form: Form, { at = gateway, headers = HTML as object } = {}) {
  const body = new URLSearchParams(form).toString()
  return at.fetch(path, { method: 'POST', headers: { ...headers, ...FORM }, body })
}
const callsToAuth = () => gateway.upstream.received.filter(({ method }) => method === 'POST')

test.each(formPages.map(({ show, action }) => [show.url, action] as const))(
  '%s shows a form that a browser can send without a script, and shows it without calling anybody',
  async (path, { body }) => {
    const token = 'token' in body!.properties ? `?token=${TOKEN}` : ''
    const answer = await gateway.fetch(`${path}${token}`, { headers: HTML })
    const html = await answer.text()
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(html).toContain(`<form method="post" action="${path}">`)
    for (const name of body!.required as string[]) expect(html).toContain(`name="${name}"`)
    expect(html).not.toContain('<script')
    expect(callsToAuth()).toEqual([])
  }
)

test('a page is in no cache, loads and runs nothing, sends forms to its own origin alone and no Referer', async () => {
  const { headers } = await gateway.fetch(`/reset-password?token=${TOKEN}`)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('referrer-policy')).toBe('no-referrer')
  expect(headers.get('content-security-policy')!.replace(/sha256-[\w+/=]+/, 'hash').split(';').sort()).toEqual([
    "base-uri 'none'",
    "default-src 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    'img-src data:',
    "style-src 'hash'"
  ])
})

test('a form becomes a call of its operation in JSON', async () => {
  const answer = await submit('/confirm-registration', { token: TOKEN, password: 'grüne Äpfel & 1+1=2' })
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('Your account has begun')])
  const [call] = callsToAuth()
  expect([call!.url, call!.headers['content-type'], JSON.parse(call!.body.toString())]).toEqual([
    '/api/auth/verify-email',
    'application/json',
    { token: TOKEN, password: 'grüne Äpfel & 1+1=2' }
  ])
})

test('a refusal is a page with its status, what to do, and the form again, without the password', async () => {
  const errors = [{ path: '/body/newPassword', message: 'is "common" <b>' }]
  answerWith(422, { code: 'AUTH_WEAK_PASSWORD', detail: 'Choose another.', errors })
  const weak = await submit('/reset-password', { token: TOKEN, newPassword: 'secret-1234' })
  const html = await weak.text()
  expect(weak.status).toBe(422)
  expect(html).toContain('role="alert"')
  expect(html).toContain('Your new password: is &quot;common&quot; &lt;b&gt;')
  expect(html).toContain(`type="hidden" name="token" value="${TOKEN}"`)
  expect(html).not.toContain('secret-1234')

  answerWith(400, { code: 'AUTH_INVALID_EMAIL_TOKEN', detail: 'The link is not valid.' })
  const used = await submit('/reset-password', { token: TOKEN, newPassword: 'secret-1234' })
  expect([used.status, await used.text()]).toEqual([400, expect.stringContaining('href="/forgot-password"')])
})

test('a link that turns out to be of a registration asks for its password', async () => {
  answerWith(400, { code: 'REQUEST_INVALID', errors: [{ path: '/body/password', message: 'is required' }] })
  const html = await (await submit('/verify-email', { token: TOKEN })).text()
  expect(html).toMatch(/<input id="password" name="password" type="password"/)
})

test('whoever does not ask for HTML gets problem+json, as everywhere', async () => {
  answerWith(400, { code: 'AUTH_INVALID_EMAIL_TOKEN' })
  const answer = await submit('/verify-email', { token: TOKEN }, { headers: {} })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([400, expect.stringContaining('problem+json')])
  expect((await answer.json()).code).toBe('AUTH_INVALID_EMAIL_TOKEN')
})

test.each<[string, Record<string, string> | string, number]>([
  ['a member that is not known', { token: TOKEN, more: 'x' }, 400],
  ['a member that is there twice', 'token=a&token=b', 400],
  ['no token', {}, 400],
  ['a control character', { token: 'a\u0000b' }, 400],
  ['a body that is larger than the operation can have', { token: 'x'.repeat(70_000) }, 413]
])('%s is refused before auth is called', async (_what, form, status) => {
  const answer = await submit('/verify-email', form)
  expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining('role="alert"')])
  expect(callsToAuth()).toEqual([])
})

test.each([{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])(
  'a form of a page of another origin is refused: %j',
  async (foreign) => {
    for (const { submit: { url } } of formPages) {
      const page = await submit(url, { token: TOKEN }, { headers: { ...HTML, ...foreign } })
      expect([url, page.status, await page.text()]).toEqual([url, 403, expect.stringContaining('another site')])
      const problem = await submit(url, { token: TOKEN }, { headers: foreign })
      expect([url, problem.status, (await problem.json()).code]).toEqual([url, 403, 'FORBIDDEN'])
    }
    expect(callsToAuth()).toEqual([])
  }
)

test('a form of the page itself is taken, whether the browser tells its origin or not', async () => {
  for (const own of [{ origin: gateway.url }, { origin: 'null' }, { 'sec-fetch-site': 'same-origin' }]) {
    expect((await submit('/verify-email', { token: TOKEN }, { headers: { ...HTML, ...own } })).status).toBe(200)
  }
})

test('a link works with parameters that a mail program added', async () => {
  const answer = await gateway.fetch(`/verify-email?token=${TOKEN}&utm_source=mail`, { headers: HTML })
  const html = await answer.text()
  expect([answer.status, html]).toEqual([200, expect.stringContaining(`value="${TOKEN}"`)])
  expect(html).not.toContain('role="alert"')
})

test('a refusal of a form names its media type, and the members that an empty form lacks', async () => {
  const headers = { 'content-type': 'text/plain' }
  for (const [path, member] of [['/verify-email', 'token'], ['/forgot-password', 'email']] as const) {
    const wrong = await gateway.fetch(path, { method: 'POST', headers, body: 'x' })
    expect([wrong.status, (await wrong.json()).detail]).toEqual([415, expect.stringContaining(FORM['content-type'])])
    for (const headers of [FORM, {}]) {
      const { errors } = await (await gateway.fetch(path, { method: 'POST', headers })).json()
      expect(errors).toEqual([{ path: `/body/${member}`, message: 'is required' }])
    }
  }
})

test('a page tells faults in sentences for people', async () => {
  for (
    const [path, form, sentence] of [
      ['/verify-email', {}, 'The code is missing or cannot be used.'],
      ['/verify-email', { token: TOKEN, more: 'x' }, 'a field that this page does not know'],
      ['/forgot-password', { email: 'x' }, 'Enter your e-mail address'],
      ['/reset-password', { token: TOKEN, newPassword: '' }, 'Choose a password of at least 8 characters']
    ] as const
  ) {
    const html = await (await submit(path, form)).text()
    expect(html).toContain(sentence)
    expect(html).not.toMatch(/contract|must |\/body\//)
  }
})

test('a form that is no percent-encoded UTF-8 is refused', async () => {
  for (const body of ['token=%', 'token=%c3%28', 'token=\u00e4']) {
    const answer = await gateway.fetch('/verify-email', { method: 'POST', headers: { ...HTML, ...FORM }, body })
    expect([body, answer.status]).toEqual([body, 400])
  }
})

test('forms are taken by pages alone, and JSON by the API alone', async () => {
  expect((await submit('/api/auth/verify-email', { token: TOKEN })).status).toBe(415)
  const headers = { ...HTML, 'content-type': 'application/json' }
  expect((await gateway.fetch('/verify-email', { method: 'POST', headers, body: '{"token":"x"}' })).status).toBe(415)
})

test('pages count against the limits of what they do, and say when to try again', async () => {
  for (const [path, status] of [['/verify-email', 200], ['/api/auth/verify-email', 415]] as const) {
    expect((await submit(path, { token: 'x' }, { at: limited })).status).toBe(status)
  }
  const refused = await submit('/verify-email', { token: 'x' }, { at: limited })
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)])
  expect(await refused.text()).toContain(`Try again in ${refused.headers.get('retry-after')} seconds.`)
})

test('when auth cannot be reached, the page says so and keeps the form', async () => {
  gateway.upstream.handler = (request) => request.socket.destroy()
  const answer = await submit('/reset-password', { token: TOKEN, newPassword: 'x' })
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining(`value="${TOKEN}"`)])
})

test('the token of a link is in no log line', async () => {
  await gateway.fetch('/verify-email?token=never-in-a-log', { headers: HTML })
  await submit('/verify-email', { token: 'never-in-a-log' })
  expect(gateway.log.join('\n')).not.toContain('never-in-a-log')
})
