import type { CloudEvent } from '@gatepost/contracts/event'
import { within } from '@gatepost/service-kit/active-span'
import { contextOf } from '@gatepost/service-kit/tracing'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

/**
 * Runs the work in a span that continues the trace of the request that made the event; free while nothing is exported.
 * What the work resolves with is said of the span.
 */
export async function traced<Verdict extends string> (
  event: CloudEvent,
  consumer: string,
  work: () => Promise<Verdict>
): Promise<Verdict> {
  const span = trace.getTracer('gatepost').startSpan(`process ${event.type}`, {
    kind: SpanKind.CONSUMER,
    attributes: {
      'messaging.system': 'nats',
      'messaging.message.id': event.id,
      'messaging.consumer.group.name': consumer
    }
  }, contextOf(event.traceparent))
  try {
    const verdict = span.isRecording() ? await within(span, work) : await work()
    span.setAttribute('gatepost.verdict', verdict)
    return verdict
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
    throw error
  } finally {
    span.end()
  }
}
