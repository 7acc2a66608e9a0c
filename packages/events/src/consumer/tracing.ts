import type { CloudEvent } from '@gatepost/contracts/event'
import { contextOf } from '@gatepost/service-kit/tracing'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

/**
 * Runs the work in a span that continues the trace of the request that made the event; free while nothing is exported.
 */
export async function traced<T> (event: CloudEvent, consumer: string, work: () => Promise<T>): Promise<T> {
  const span = trace.getTracer('gatepost').startSpan(`process ${event.type}`, {
    kind: SpanKind.CONSUMER,
    attributes: {
      'messaging.system': 'nats',
      'messaging.message.id': event.id,
      'messaging.consumer.group.name': consumer
    }
  }, contextOf(event.traceparent))
  try {
    return await work()
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
    throw error
  } finally {
    span.end()
  }
}
