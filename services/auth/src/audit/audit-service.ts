import type { AuditPage } from '@gatepost/contracts/auth/schemas'
import { pageOf } from '@gatepost/service/page'
import type { Database } from '../database/database.ts'
import type { Account } from '../users/account.ts'
import { auditRepository } from './audit-repository.ts'

export function createAuditService ({ database }: { database: Database }) {
  return {
    /**
     * `last` is the id of the page's last entry; null on the last page. A user sees that an administrator acted, and
     * which one, but not the administrator's address.
     */
    async list (
      { reader, userId, before, limit }: { reader: Account, userId?: string, before?: string, limit: number }
    ) {
      const rows = await auditRepository.list(database.sql, { userId, before, limit: limit + 1 })
      const { items: page, last } = pageOf(rows, limit)
      const items: AuditPage['items'] = page.map(({ at, detail, actorId, ...row }) => ({
        ...row,
        ...actorId !== null && actorId !== reader.id && reader.role !== 'admin' && { ipAddress: null, requestId: null },
        at: at.toISOString(),
        detail: detail as Record<string, string>
      }))
      return { items, last: last?.id ?? null }
    }
  }
}
export type AuditService = ReturnType<typeof createAuditService>
