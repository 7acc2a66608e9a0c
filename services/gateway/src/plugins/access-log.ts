import { onOutcome } from '@gatepost/service-kit/outcome'
import { brokenLine, levelOf, requestLine } from '@gatepost/service-kit/request-log'
import fp from 'fastify-plugin'

/**
 * One line per request, written when its connection is done with it, also when the client left before the answer.
 * Every member of the line is named here or in requestLine, and none can hold a secret.
 */
export const accessLog = fp(async (app) => {
  onOutcome(app, {
    answered: (request, outcome) => {
      const { client, exchange } = request
      app.writeLine(levelOf(outcome), {
        ...requestLine(request, outcome),
        client: client?.address,
        instance: exchange?.instance?.origin,
        attempts: exchange?.attempts
      }, 'request')
    },
    broken: (request) => { app.writeLine('info', brokenLine(request), 'request') }
  })
}, { name: 'access-log' })
