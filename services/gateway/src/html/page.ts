import { createHash } from 'node:crypto'
import { STYLE_SHEET } from '@gatepost/service-kit/style-sheet'
import type { FastifyReply } from 'fastify'
import { securityHeaders } from '../plugins/security-headers.ts'

/** A page that is the same for everybody, with the headers that let a browser show it and nothing else. */
export interface Page {
  html: string
  headers: Record<string, string>
}

export interface PageOptions {
  html: string
  /** Content Security Policy directives beside, or in place of, the ones that every page has. */
  directives?: Record<string, string[]>
  /** A quarter of an hour by default: long enough to browse, short enough to see a new version the same day. */
  cacheControl?: string
}

export async function createPage (
  { html, directives = {}, cacheControl = 'public, max-age=900' }: PageOptions
): Promise<Page> {
  const headers = await securityHeaders({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
        'style-src': ["'unsafe-inline'"],
        ...directives
      }
    },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' }
  })
  return { html, headers: { ...headers, 'cache-control': cacheControl, 'content-type': 'text/html; charset=utf-8' } }
}

export function sendPage (reply: FastifyReply, { html, headers }: Page) {
  return reply.headers(headers).serializer(String).send(html)
}

/** Lets exactly the inline scripts of a page run, and no other (CSP 3, section 8). */
export function scriptHashes (html: string) {
  const scripts = html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)
  return [...scripts].map(([, source]) => hashSource(source!))
}

function hashSource (source: string) {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

export function escapeHtml (text: string) {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character]!)
}

const STYLE = `${STYLE_SHEET}
  form { max-width: 26rem } label { display: block; margin-top: 1rem }
  input, button { font: inherit; box-sizing: border-box; width: 100%; margin-top: .3rem; padding: .6rem }
  input, button { border: 1px solid; border-radius: .3rem }
  button { margin-top: 1.5rem; cursor: pointer } [role=alert] { border-left: .3rem solid; padding: .1rem 1rem }`

/** Lets the style of our own pages apply, and no other (CSP 3, section 8). */
export const STYLE_HASH = hashSource(STYLE)

const NAVIGATION = `<nav>
<a href="/docs">API</a><a href="/docs/events">Events</a>
<a href="/openapi.json">OpenAPI</a><a href="/asyncapi.json">AsyncAPI</a>
</nav>`

/** A plain page of ours, for developers unless it goes without their navigation. `body` is HTML. */
export function layout (title: string, body: string, { navigation = NAVIGATION } = {}) {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${
    escapeHtml(title)
  }</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body>${navigation}
<main><h1>${escapeHtml(title)}</h1>
${body}
</main></body></html>
`
}
