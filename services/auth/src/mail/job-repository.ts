import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { Connection } from '../database/database.ts'

/** What is to be mailed. Addresses and tokens are looked up and made when it is sent, so that no job holds a token. */
export type MailJob =
  | { kind: 'verify-email', payload: { userId: string } }
  | { kind: 'confirm-registration', payload: { registrationId: string } }
  /** `email` is the key of the address. */
  | { kind: 'forgot-password' | 'resend-verification', payload: { email: string } }
  | { kind: 'confirm-email-change', payload: { userId: string, emailChangeId: string } }
  /** `to` is the address that the account had then. */
  | { kind: 'email-change-requested' | 'email-changed', payload: { userId: string, to: string } }
  | { kind: 'account-deleted', payload: { to: string } }
  | {
    kind: 'role-changed' | 'password-changed' | 'api-key-created' | 'api-key-deleted' | 'invitation' | 'reset-required'
    payload: { userId: string }
  }

/** `age` in seconds. */
export type ClaimedJob = MailJob & { id: string, attempts: number, age: number }

/** So long a job is out of others' sight while somebody works on it; a worker that dies gives it back by then. */
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

  /** Stays as a row for the operator, without what it was about. */
  async giveUp (connection: Connection, id: string, lastError: string) {
    await connection.job.updateMany({ where: { id }, data: { failedAt: new Date(), lastError, payload: {} } })
  },

  /** Of an account that is erased: what waits, and what an address was asked for. */
  async deleteFor (tx: Connection, userId: string, emailKey: string) {
    await tx.$executeRaw`DELETE FROM jobs WHERE payload->>'userId' = ${userId} OR payload->>'email' = ${emailKey}`
  },

  /** What was given up and nobody has asked about for long. */
  async deleteGivenUp (connection: Connection, before: Date) {
    await deleteBefore(connection, { table: 'jobs', column: 'failed_at' }, before)
  }
}
