import { isExporting } from '@gatepost/service-kit/active-span'
import { contextOf } from '@gatepost/service-kit/tracing'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

interface Outcome {
  kind: string
  sequence?: number
  reason?: string
}

/** The envelope's members before `data` are ours, so the first one of that name is none that a client wrote. */
const SAMPLED = /"traceparent":"([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})"/

/**
 * `done`, with a span around the publish that it ends: a part of the trace of the request that made the event. It is
 * `done` itself while nothing is exported.
 */
export function tracedPublish<Result extends Outcome> (
  { eventId, subject, payload }: { eventId: string, subject: string, payload: string },
  done: (outcome: Result) => void
): (outcome: Result) => void {
  if (!isExporting()) return done
  const span = trace.getTracer('gatepost').startSpan(`publish ${subject.slice('events.'.length)}`, {
    kind: SpanKind.PRODUCER,
    attributes: { 'messaging.system': 'nats', 'messaging.message.id': eventId }
  }, contextOf(SAMPLED.exec(payload)?.[1]))
  return (outcome) => {
    if (outcome.kind === 'stored') span.setAttribute('gatepost.stream_sequence', outcome.sequence!)
    else span.setStatus({ code: SpanStatusCode.ERROR, message: `${outcome.kind}: ${outcome.reason}` })
    span.end()
    done(outcome)
  }
}
