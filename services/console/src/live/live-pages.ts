import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { App } from '@gatepost/service-kit/server'

/** Browsers keep six connections to a host; more than this many open pages are told to wait. */
const MOST = 32
const HEARTBEAT_MS = 10_000
/** What a page that does not read may leave in memory. */
const MOST_BUFFERED = 1_048_576

/** Server-Sent Events for one page. */
export interface LivePage {
  /** Sends, or drops what a page that does not read would leave in memory. */
  send (event: string, data: unknown): void
  /** Aborted once the page is gone. */
  signal: AbortSignal
}

export interface LivePages {
  /** Opens the stream of a page; 503 when there are too many. */
  open (reply: FastifyReply, run: (page: LivePage) => void | Promise<void>): void
  readonly size: number
}

/** The streams of all open pages; they end when the app closes. */
export function createLivePages (app: App): LivePages {
  const open = new Set<ServerResponse>()
  const beat = setInterval(() => { for (const response of open) response.write(': \n\n') }, HEARTBEAT_MS).unref()
  app.addHook('preClose', async () => {
    clearInterval(beat)
    for (const response of open) response.end()
  })

  return {
    open (reply, run) {
      if (open.size >= MOST) {
        void reply.code(503).header('retry-after', '5').type('text/plain').send('too many open pages\n')
        return
      }
      reply.hijack()
      const { raw: response } = reply
      const leaving = new AbortController()
      response.writeHead(200, {
        ...reply.getHeaders() as Record<string, string>,
        'content-type': 'text/event-stream',
        'cache-control': 'no-store'
      })
      open.add(response)
      response.once('close', () => {
        open.delete(response)
        leaving.abort()
      })
      response.write('retry: 1000\n\n')
      const page: LivePage = {
        signal: leaving.signal,
        send (event, data) {
          if (response.writableEnded || response.writableLength > MOST_BUFFERED) return
          response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
        }
      }
      Promise.resolve(run(page)).catch((error: unknown) => {
        app.log.warn({ err: error }, 'a live page broke off')
        response.end()
      })
    },
    get size () { return open.size }
  }
}
