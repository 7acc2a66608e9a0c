import { onOutcome } from '@gatepost/service-kit/outcome'
import { brokenLine, levelOf, requestLine } from '@gatepost/service-kit/request-log'
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
  onOutcome(app, {
    answered: (request, reply, status) => {
      const { client, exchange } = request
      lines[levelOf(request, status)]({
        ...requestLine(request, reply, status),
        client: client?.address,
        instance: exchange?.instance?.origin,
        attempts: exchange?.attempts
      }, 'request')
    },
    broken: (request) => { lines.info(brokenLine(request), 'request') }
  })
}, { name: 'access-log' })
