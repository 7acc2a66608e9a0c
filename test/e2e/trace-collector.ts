import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

export interface CollectedSpan {
  service: string
  name: string
  /** 2 server, 5 consumer (opentelemetry-proto, Span.SpanKind). */
  kind: number
  traceId: string
  spanId: string
  parentSpanId: string
  attributes: Record<string, unknown>
  endedNano: bigint
}

interface Attribute { key: string, value: Record<string, unknown> }
interface Export {
  resourceSpans: Array<{
    resource: { attributes: Attribute[] }
    scopeSpans: Array<
      {
        spans: Array<
          Omit<CollectedSpan, 'service' | 'attributes' | 'endedNano'> & {
            attributes: Attribute[]
            endTimeUnixNano: string
          }
        >
      }
    >
  }>
}

/** An OTLP/HTTP collector that keeps what it is sent. */
export async function startCollector () {
  const spans: CollectedSpan[] = []
  const server = createServer(async (request, response) => {
    if (request.url !== '/v1/traces') return response.writeHead(404).end()
    const { resourceSpans } = await json(request) as Export
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(valuesOf(resource.attributes)['service.name'])
      for (const { attributes, endTimeUnixNano, ...span } of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({ ...span, service, attributes: valuesOf(attributes), endedNano: BigInt(endTimeUnixNano) })
      }
    }
    response.setHeader('content-type', 'application/json').end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ofTrace: (traceId: string) => spans.filter((span) => span.traceId === traceId),
    async stop () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

function valuesOf (attributes: readonly Attribute[]) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
