import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { databaseOwners } from '@gatepost/contracts/declarations'
import type { RunningSystem } from '@gatepost/local-stack/system'
import { root } from './whole-system.ts'

const DRAIN_SECONDS = 10

interface AuditReport { underWay: number, findings: { where: string, id: string, problem: string }[] }

/** What `events audit` finds: rows, outboxes, stream and feed agree within ten seconds of the last fault. */
export async function settledAudit (system: RunningSystem): Promise<string[]> {
  const databases = databaseOwners.map(({ name, prefix }) => [`${prefix}_DATABASE_URL`, system.databaseUrl(name)])
  const env = { ...process.env, NATS_URL: system.brokerUrl('provisioner'), ...Object.fromEntries(databases) }
  const args = [join(root, 'scripts/events.ts'), 'audit', '--json', '--wait', String(DRAIN_SECONDS)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 26 })
    .catch((error: { stdout?: string, stderr?: string }) => {
      if (error.stdout) return { stdout: error.stdout }
      throw new Error(`the audit failed: ${error.stderr}`)
    })
  const { underWay, findings } = JSON.parse(stdout) as AuditReport
  return [
    ...underWay > 0 ? [`${underWay} events are under way after ${DRAIN_SECONDS} s`] : [],
    ...findings.map(({ where, id, problem }) => `${where}: ${id} ${problem}`)
  ]
}
