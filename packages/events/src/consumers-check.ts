import type { Consumer } from './consumer.ts'

/** Events that wait for longer are worth an alarm. */
const LATE_SECONDS = 30
/** The server is asked every second. */
const SILENT_SECONDS = 10

/**
 * The readiness check of a service's durable consumers. A late read model is degraded, and requests still come.
 */
export function consumersCheck (consumers: readonly Consumer[]) {
  return {
    name: 'consumers',
    check (): { status: 'up' | 'degraded', detail?: string } {
      const faults = consumers.flatMap((consumer) => faultOf(consumer) ?? [])
      return faults.length > 0 ? { status: 'degraded', detail: faults.join('; ') } : { status: 'up' }
    }
  }
}

function faultOf (consumer: Consumer): string | undefined {
  const { missing, pulling, silentSeconds, oldestSeconds, collisions } = consumer.status()
  if (missing) return missing === 'stream' ? `a stream of ${consumer.name} is missing` : `${consumer.name} is missing`
  if (!pulling) return `${consumer.name} is not pulled`
  if (silentSeconds > SILENT_SECONDS) return `NATS does not say how far ${consumer.name} is`
  if (oldestSeconds > LATE_SECONDS) {
    return `the oldest event of ${consumer.name} waits for ${Math.round(oldestSeconds)} s`
  }
  return collisions > 0
    ? `${collisions} events of ${consumer.name} have versions that others had before (a restored database?): ` +
      `pnpm events rebuild ${consumer.name}`
    : undefined
}
