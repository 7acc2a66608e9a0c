import { trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { beginExporting } from './active-span.ts'

/**
 * Exports spans of this process over OTLP/HTTP. `endpoint` is the collector's base URL, as in
 * OTEL_EXPORTER_OTLP_ENDPOINT. Returns the function that flushes and stops, for the end of the process.
 */
export function exportTraces (service: string, endpoint: string): () => Promise<void> {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.namespace': 'gatepost' }),
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }), {
        scheduledDelayMillis: 200
      })
    ]
  })
  trace.setGlobalTracerProvider(provider)
  beginExporting()
  return () => provider.shutdown()
}
