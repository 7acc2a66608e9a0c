import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { Connection } from '../database/database.ts'

/** A mail to send. The worker looks up the address and makes the token, so that no job holds a token. */
export type MailJob =
  | { kind: 'verify-email', payload: { userId: string } }
  | { kind: 'confirm-registration', payload: { registrationId: string } }
  /** `email` is the key of the address. */
  | { kind: 'forgot-password' | 'resend-verification', payload: { email: string } }
  | { kind: 'confirm-email-change', payload: { userId: string, emailChangeId: string } }
  /** `to` is the address of the account at that time. */
  | { kind: 'email-change-requested' | 'email-changed', payload: { userId: string, to: string } }
  | { kind: 'account-deleted', payload: { to: string, language: string | null } }
  /** Enqueued by the statement that begins a session. */
  | { kind: 'new-device', payload: { userId: string, time: string, address: string } }
  | {
    kind: 'role-changed' | 'password-changed' | 'api-key-created' | 'api-key-deleted' | 'invitation' | 'reset-required'
    payload: { userId: string }
  }

/** `age` in seconds. */
export type ClaimedJob = MailJob & { id: string, attempts: number, age: number }

/** A claimed job is hidden from other workers for this long; a worker that dies gives it back by then. */
const CLAIM_SECONDS = 60

export const jobRepository = {
  async enqueue (tx: Connection, { kind, payload }: MailJob) {
    await tx.job.create({ data: { id: uuidv7(), kind, payload, runAt: new Date() } })
  },

  async claim (connection: Connection): Promise<ClaimedJob | undefined> {
    const [job] = await connection.$queryRaw<ClaimedJob[]>`
      UPDATE jobs SET run_at = now() + ${CLAIM_SECONDS}::int * interval '1 second', attempts = attempts + 1
      WHERE id = (
        SELECT id FROM jobs WHERE run_at <= now() AND failed_at IS NULL ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING id, kind, payload, attempts, extract(epoch FROM now() - created_at)::float8 AS age`
    return job
  },

  async finish (connection: Connection, id: string) {
    await connection.job.deleteMany({ where: { id } })
  },

  async postpone (connection: Connection, id: string, seconds: number, lastError: string) {
    await connection.$executeRaw`
      UPDATE jobs SET run_at = now() + ${seconds}::int * interval '1 second', last_error = ${lastError}
      WHERE id = ${id}::uuid`
  },

  /** Keeps the row for the operator, without the job's payload. */
  async giveUp (connection: Connection, id: string, lastError: string) {
    await connection.job.updateMany({ where: { id }, data: { failedAt: new Date(), lastError, payload: {} } })
  },

  /** Deletes the waiting jobs of an erased account, and those that name its address. */
  async deleteFor (tx: Connection, userId: string, emailKey: string) {
    await tx.$executeRaw`DELETE FROM jobs WHERE payload->>'userId' = ${userId} OR payload->>'email' = ${emailKey}`
  },

  /** Deletes the given-up jobs of before. */
  async deleteGivenUp (connection: Connection, before: Date) {
    await deleteBefore(connection, { table: 'jobs', column: 'failed_at' }, before)
  }
}
