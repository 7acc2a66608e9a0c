import { listAudit } from '@gatepost/contracts/auth/user-operations'
import { DEFAULT_LIMIT } from '@gatepost/service/page'
import { ProblemError } from '@gatepost/service-kit/problem'
import { routeOf } from '@gatepost/service-kit/route'
import type { CursorSeal } from '@gatepost/service-kit/sealed-cursor'
import type { App } from '@gatepost/service-kit/server'
import { callerOf } from '../caller.ts'
import { cursorAfter, positionOf } from '../cursor.ts'
import type { AuditService } from './audit-service.ts'

export function auditRoutes (app: App, { audits, seal }: { audits: AuditService, seal: CursorSeal }) {
  app.route({
    ...routeOf(listAudit),
    async handler (request) {
      const { account } = callerOf(request)
      const { cursor, limit = DEFAULT_LIMIT, userId = account.role === 'admin' ? undefined : account.id } =
        request.query
      if (account.role !== 'admin' && userId !== account.id) throw new ProblemError('FORBIDDEN')
      const list = `audit:${userId ?? 'all'}`
      const { items, last } = await audits.list({
        reader: account,
        userId,
        before: positionOf(seal, cursor, list),
        limit
      })
      return { items, nextCursor: cursorAfter(seal, last, list) }
    }
  })
}
