import type { IncomingMessage } from 'node:http'
import type { BodyType } from '@gatepost/contracts/operation'
import type { FastifyRequest } from 'fastify'
import { parseForm } from '../form.ts'
import { parseJson } from '../json.ts'
import { ProblemError } from '../problem.ts'
import { readBody } from './body.ts'

interface Format {
  mediaType: RegExp
  parse (bytes: Buffer): unknown
}

const FORMATS: Record<BodyType, Format> = {
  'application/json': { mediaType: /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i, parse: parseJson },
  'application/x-www-form-urlencoded': {
    mediaType: /^application\/x-www-form-urlencoded\s*(;\s*charset="?utf-8"?\s*)?$/i,
    parse: parseForm
  }
}

/**
 * Makes the parser of every body, whatever its media type: it takes the operation's media type (JSON by default) and no
 * other, and no body for an operation without one. A request without a body may name a media type.
 */
export function bodyParser (bodyLimit: number) {
  return function parseBody (
    request: FastifyRequest,
    payload: IncomingMessage,
    done: (error: Error | null, body?: unknown) => void
  ): void {
    const { headers, route: { config, bodyLimit: limit } } = request
    if (request.is404 || isAbsent(headers)) return done(null)
    const isKnown = config.operation === undefined || config.operation.body !== undefined
    const { mediaType, parse } = FORMATS[bodyTypeOf(request)]
    if (!mediaType.test(headers['content-type'] ?? '')) return done(unsupportedMediaType(request))
    if (Number(headers['content-length'] ?? 0) > bodyLimit) return done(new ProblemError('BODY_TOO_LARGE'))
    readBody(payload, isKnown ? Math.min(limit, bodyLimit) : 0, (error, bytes) => {
      if (error !== null) return done(error.code === 'BODY_TOO_LARGE' && !isKnown ? unknownBody() : error)
      if (bytes!.length === 0) return done(null)
      request.rawBody = bytes
      let body: unknown
      try {
        body = parse(bytes!)
      } catch (fault) {
        return done(fault as Error)
      }
      done(null, body)
    })
  }
}

/** The 415 that names the media type that the operation takes. */
export function unsupportedMediaType (request: FastifyRequest) {
  return new ProblemError('UNSUPPORTED_MEDIA_TYPE', {
    detail: `Send ${bodyTypeOf(request)} in UTF-8, without a content encoding.`
  })
}

function bodyTypeOf ({ route: { config } }: FastifyRequest): BodyType {
  return config.operation?.bodyType ?? 'application/json'
}

function isAbsent (headers: IncomingMessage['headers']) {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
}

function unknownBody () {
  return new ProblemError('REQUEST_INVALID', { errors: [{ path: '/body', message: 'is not known here' }] })
}
