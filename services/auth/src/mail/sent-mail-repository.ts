import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import type { Connection } from '../database/database.ts'

export interface MailCount {
  /** Id of the job, so that a mail that is tried again counts once. */
  id: string
  /** A keyed hash of the address. */
  address: Uint8Array<ArrayBuffer>
  kind: string
}

/** Mails sent within the last hour, by address and kind. */
export const sentMailRepository = {
  /** Counts a mail; false when `perHour` of them were sent. The count is exact under the lock of the address. */
  async reserve (tx: Connection, { id, address, kind }: MailCount, perHour: number) {
    const count = await tx.$executeRaw`
      INSERT INTO sent_mails (id, address, kind, sent_at) SELECT ${id}::uuid, ${address}, ${kind}, now()
      WHERE (SELECT count(*) FROM sent_mails WHERE address = ${address} AND kind = ${kind}
        AND sent_at > now() - interval '1 hour' AND id <> ${id}::uuid) < ${perHour}::int
      ON CONFLICT (id) DO UPDATE SET sent_at = now()`
    return count === 1
  },

  /** Takes a mail that was not sent out of the count. */
  async release (connection: Connection, id: string) {
    await connection.sentMail.deleteMany({ where: { id } })
  },

  async deleteOld (connection: Connection, before: Date) {
    await deleteBefore(connection, { table: 'sent_mails', column: 'sent_at' }, before)
  }
}
