import { onOutcome } from '@gatepost/service-kit/outcome'
import { requestLine } from '@gatepost/service-kit/request-log'
import fp from 'fastify-plugin'
import type { Logger } from 'pino'

/**
 * One line per request, written when its connection is done with it, also when the client left before the answer.
 * Every member of the line is named here or in requestLine and none can hold a secret, so it is spared the search for
 * them; and requests need no logger of their own.
 */
export const accessLog = fp<{ log: Logger }>(async (app, { log }) => {
  const lines = log.child({}, { redact: [] })
  app.setChildLoggerFactory((logger) => logger)
  onOutcome(app, (request, reply, status) => {
    const line = requestLine(request, reply, status)
    if (!line) return
    const { client, exchange } = request
    lines.info({ ...line, client: client?.address, instance: exchange?.instance?.origin, attempts: exchange?.attempts }, 'request')
  })
}, { name: 'access-log' })
