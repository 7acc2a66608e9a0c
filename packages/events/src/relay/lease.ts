import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import type { Logger } from 'pino'

/** A leader that dies is succeeded after this and one attempt of a standby: within 1.5 s. */
const TTL_MS = 1_200
const RENEW_MS = 300
/** A leader stops this long before others may begin. */
const MARGIN_MS = 100

const ACQUIRE = `INSERT INTO outbox_lease AS lease (name, holder, epoch, expires_at)
  VALUES ('relay', $1::uuid, 1, clock_timestamp() + $2::float8 * interval '1 millisecond')
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
    epoch = lease.epoch + (lease.holder IS DISTINCT FROM excluded.holder)::int
  WHERE lease.holder = excluded.holder OR lease.expires_at < clock_timestamp()
  RETURNING epoch::text`
const RELEASE = "UPDATE outbox_lease SET expires_at = clock_timestamp() WHERE name = 'relay' AND holder = $1::uuid"

/** Leadership among the replicas of one service. */
export interface Lease {
  /** To be asked synchronously right before each publish: a process that was frozen must find out before it acts. */
  held (): boolean
  epoch (): string | undefined
  start (): void
  stop (): Promise<void>
}

/**
 * Holds the lease row while it can. The deadline counts from before the renewal was sent, by both clocks: the monotonic
 * one cannot be set back, and the wall clock also counts while the machine sleeps.
 */
export function createLease (pool: Pool, log: Logger, onChange: (held: boolean) => void): Lease {
  const holder = randomUUID()
  let monotonicDeadline = 0
  let wallDeadline = 0
  let epoch: string | undefined
  let announced = false
  let failing = false
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let attempt: Promise<void> | undefined

  const held = () => performance.now() < monotonicDeadline && Date.now() < wallDeadline

  async function renew () {
    const monotonic = performance.now()
    const wall = Date.now()
    try {
      const { rows } = await pool.query<{ epoch: string }>(ACQUIRE, [holder, TTL_MS])
      if (rows[0]) {
        monotonicDeadline = monotonic + TTL_MS - MARGIN_MS
        wallDeadline = wall + TTL_MS - MARGIN_MS
        epoch = rows[0].epoch
      }
      failing = false
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'the relay cannot reach its database; retrying')
      failing = true
    }
    if (held() !== announced && !stopped) {
      announced = held()
      log.info({ epoch }, announced ? 'this relay leads' : 'this relay no longer leads')
      onChange(announced)
    }
  }

  function schedule () {
    attempt = renew().finally(() => {
      if (!stopped) timer = setTimeout(schedule, RENEW_MS)
    })
  }

  return {
    held,
    epoch: () => epoch,
    start: schedule,
    async stop () {
      stopped = true
      clearTimeout(timer)
      await attempt
      const wasHeld = held()
      monotonicDeadline = 0
      if (wasHeld) {
        await pool.query(RELEASE, [holder]).catch((error: unknown) =>
          log.warn({ err: error }, 'the lease could not be released; it expires by itself')
        )
      }
    }
  }
}
