import { createHash } from 'node:crypto'
import { fastify, type FastifyInstance } from 'fastify'
import { createPage, type Page, scriptHashes } from '../html/page.ts'

export interface Reference {
  page: Page
  script: { source: Buffer, etag: string }
}

export const SCRIPT_PATH = '/docs/js/scalar.js'

/**
 * Where the page's requests go: where it came from, by whatever name. PUBLIC_URL may be another origin, out of its
 * reach.
 */
const OWN_ORIGIN = 'own origin'
/**
 * Else the page's validation library tries out whether it may build code from text, which the policy forbids and
 * browsers report.
 */
const NO_EVAL = 'globalThis.__zod_globalConfig = { jitless: true }'

/**
 * The API reference page of Scalar and the script that it needs, both out of the package: no other origin is asked for
 * anything. The package is loaded when somebody first looks at the page; it weighs five megabytes.
 */
export async function createReference (): Promise<Reference> {
  const { default: scalar } = await import('@scalar/fastify-api-reference')
  const model: FastifyInstance = fastify()
  await model.register(scalar, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      servers: [{ url: OWN_ORIGIN }],
      cdn: SCRIPT_PATH,
      pageTitle: 'Gatepost API',
      favicon: 'data:,',
      telemetry: false,
      withDefaultFonts: false,
      hideClientButton: true,
      showDeveloperTools: 'never',
      persistAuth: false,
      authentication: { preferredSecurityScheme: 'accessToken' },
      agent: { disabled: true },
      mcp: { disabled: true }
    }
  })
  const [page, script] = await Promise.all([model.inject('/docs/'), model.inject(SCRIPT_PATH)])
  await model.close()
  const html = page.body
    .replace('</head>', `  <link rel="icon" href="data:,">\n    <script>${NO_EVAL}</script>\n  </head>`)
    .replace(`"${OWN_ORIGIN}"`, 'location.origin')
  return {
    page: await createPage({
      html,
      directives: {
        'script-src': ["'self'", ...scriptHashes(html)],
        'connect-src': ["'self'"],
        'img-src': ["'self'", 'data:', 'blob:'],
        'font-src': ["'self'", 'data:']
      }
    }),
    script: {
      source: script.rawPayload,
      etag: `"${createHash('sha256').update(script.rawPayload).digest('base64url')}"`
    }
  }
}
