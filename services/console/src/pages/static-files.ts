import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { STYLE_SHEET } from '@gatepost/service-kit/style-sheet'
import type { App } from '@gatepost/service-kit/server'

const WEB = fileURLToPath(new URL('../../web', import.meta.url))
const resolve = (name: string) => fileURLToPath(import.meta.resolve(name))
/** Out of packages, as they come. */
const LIBRARIES: Record<string, () => string> = {
  '/lib/preact.js': () => resolve('htm/preact/standalone'),
  '/lib/uplot.js': () => join(resolve('uplot'), '../uPlot.esm.js'),
  '/lib/uplot.css': () => join(resolve('uplot'), '../uPlot.min.css')
}
const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}
/** Every address of a page leads to the same document, which looks at its own address. */
const PAGES = [
  '/',
  '/requests',
  '/traces/:id',
  '/events',
  '/events/:sequence',
  '/consumers',
  '/dead-letters',
  '/mail',
  '/mail/:id',
  '/sessions'
]

/** Nothing from elsewhere, nothing inline, in nobody's frame; frames of mails have a policy of their own. */
export const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store'
} as const

/** The page and its parts. They are read when they are first asked for; nothing is kept but their digests. */
export async function staticFiles (app: App): Promise<void> {
  for (const path of PAGES) {
    app.get(path, async (_request, reply) =>
      reply.type('text/html; charset=utf-8').send(readFileSync(`${WEB}/index.html`))
    )
  }
  const files: Record<string, () => Promise<Buffer> | Buffer> = {
    '/style/base.css': () => Buffer.from(STYLE_SHEET),
    ...Object.fromEntries(Object.entries(LIBRARIES).map(([path, find]) => [path, () => readFile(find())]))
  }
  for (const name of await readdir(WEB, { recursive: true })) {
    if (extname(name) in TYPES) files[`/web/${name}`] = () => readFile(join(WEB, name))
  }
  for (const [path, read] of Object.entries(files)) {
    app.get(path, async (request, reply) => {
      const bytes = await read()
      const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`
      reply.headers({ etag, 'cache-control': 'private, no-cache', 'content-type': TYPES[extname(path)]! })
      return request.headers['if-none-match'] === etag ? reply.code(304).send() : reply.send(bytes)
    })
  }
}
