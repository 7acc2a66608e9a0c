import type { App } from '@gatepost/service-kit/server'
import { TRACES_PATH } from '../access/door.ts'
import { MalformedExportError, spansOf } from './span.ts'
import type { TraceStore } from './trace-store.ts'

const MAX_EXPORT_BYTES = 4_194_304

/** Takes spans as OTLP over HTTP in JSON (opentelemetry-proto, OTLP/HTTP). */
export function traceReceiver (app: App, { store }: { store: TraceStore }): void {
  app.register(async (receiver) => {
    // Exports are larger than any call of ours may be, and come with a token.
    receiver.removeAllContentTypeParsers()
    receiver.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer', bodyLimit: MAX_EXPORT_BYTES },
      (_request, bytes, done) => {
        try {
          done(null, JSON.parse(bytes.toString()))
        } catch {
          done(null, undefined)
        }
      }
    )
    receiver.post(TRACES_PATH, async (request, reply) => {
      try {
        const { spans, rejected } = spansOf(request.body)
        store.add(spans)
        return rejected > 0 ? { partialSuccess: { rejectedSpans: String(rejected) } } : {}
      } catch (error) {
        if (!(error instanceof MalformedExportError)) throw error
        return reply.code(400).send({ code: 3, message: error.message })
      }
    })
  })
}
