import { setTimeout as sleep } from 'node:timers/promises'
import { events } from '@gatepost/contracts/events'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { resync, unpublishedIn } from '@gatepost/events/resync'
import type { EventsContext } from './context.ts'
import { table } from './table.ts'

/** Compares every outbox with the stream; the relays publish again what is missing, and this waits for them. */
export async function resyncCommand ({ args, operator, database, print, progress }: EventsContext): Promise<boolean> {
  const services = [...new Set(events.map((event) => event.owner))]
  const reports = []
  for (const service of services) {
    const report = await resync(await operator(), await database(service), {
      dryRun: args.dryRun,
      onProgress: (compared) => progress(`${service}: ${compared} events compared`)
    })
    reports.push({ service, ...report, left: args.dryRun || report.missing === 0 ? 0 : await waitForRelay(service) })
  }
  const lost = reports.reduce((sum, report) => sum + report.missing, 0)
  const left = reports.reduce((sum, report) => sum + report.left, 0)
  print(
    { services: reports, missing: lost, outstanding: left },
    [
      table(
        ['service', 'compared', 'moved', 'missing'],
        reports.map((report) => [report.service, report.compared, report.moved, report.missing])
      ),
      lost === 0
        ? 'the stream has everything'
        : args.dryRun
          ? `${lost} events are missing; without --dry-run they are published again`
          : left === 0
            ? `${lost} events were published again`
            : `${left} events still wait for their service's relay: does it run?`
    ].join('\n')
  )
  return left === 0 && (lost === 0 || !args.dryRun)

  async function waitForRelay (service: ServiceName) {
    const sql = await database(service)
    let left = await unpublishedIn(sql)
    for (let quiet = 0; left > 0 && quiet < args.wait * 5;) {
      progress(`${service}: ${left} events to be published`)
      await sleep(200)
      const now = await unpublishedIn(sql)
      quiet = now < left ? 0 : quiet + 1
      left = now
    }
    return left
  }
}
