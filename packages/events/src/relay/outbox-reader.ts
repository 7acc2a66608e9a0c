import type { Logger } from 'pino'
import type { ForbiddenSubjects } from './forbidden-subjects.ts'
import type { HeldRows } from './held-rows.ts'
import type { OutboxStore } from './outbox-store.ts'
import type { RefusedRows } from './refused-rows.ts'

const CLAIM_ROWS = 2_000
/**
 * An id is taken before its transaction commits, so rows appear below the newest one seen. Each look goes back this
 * far; the full look finds rows of longer transactions.
 */
const LOOK_BACK = 2_000n
const FULL_LOOK_MS = 500
const BACKLOG_FULL_LOOK_MS = 2_000
const NONE: ReadonlySet<string> = new Set()

export interface OutboxReaderOptions {
  store: OutboxStore
  rows: HeldRows
  refused: RefusedRows
  forbidden: ForbiddenSubjects
  /** Marks rows that the stream has already. */
  reconcile: () => Promise<void>
  /** Whether this process leads. */
  held: () => boolean
  /** Whether rows could be published now. */
  ready: () => boolean
  log: Logger
  /** Called after each look. */
  onRead: () => void
}

/** Brings unpublished rows from the outbox, none before the row that it must follow. */
export function createOutboxReader (
  { store, rows, refused, forbidden, reconcile, held, ready, log, onRead }: OutboxReaderOptions
) {
  /** Whether the stream is known to have no row that waits here as unpublished. */
  let reconciled = false
  let looking = false
  let again = false
  let lastLookWasFull = false
  let fullLookAt = 0

  /** Through a backlog, onward from the newest row; otherwise back a little, and from time to time over everything. */
  function whereToLook (onward: boolean) {
    const full = performance.now() >= fullLookAt
    if (full) fullLookAt = performance.now() + (onward ? BACKLOG_FULL_LOOK_MS : FULL_LOOK_MS)
    else if (onward) return { after: rows.newest, known: NONE }
    return { after: full || rows.newest < LOOK_BACK ? 0n : rows.newest - LOOK_BACK, known: rows.ids }
  }

  async function read (onward: boolean) {
    if (!reconciled) {
      reconciled = true
      await reconcile()
    }
    await refused.refresh()
    const found = await store.claim({
      ...whereToLook(onward),
      quarantined: refused.list(),
      forbidden: forbidden.list(),
      limit: CLAIM_ROWS
    })
    const trials = await forbidden.claimTrials(refused.list())
    if (!held() || !reconciled) return
    for (const row of [...trials, ...found]) {
      // The event before it may have been refused during the reading.
      if (rows.ids.has(row.id) || refused.has(row)) continue
      // The version before it is further back than this look went, and goes first.
      if (row.waitsFor !== null && !rows.ids.has(row.waitsFor)) lookOverAll()
      else rows.add(row)
    }
    lastLookWasFull = found.length === CLAIM_ROWS
    if (lastLookWasFull) again = true
  }

  async function look () {
    if (looking) {
      again = true
      return
    }
    if (!held() || !ready() || rows.size >= CLAIM_ROWS) return
    looking = true
    const onward = again && lastLookWasFull
    again = false
    try {
      await rows.whileReading(() => read(onward))
    } catch (error) {
      reconciled = false
      log.debug({ err: error }, 'the outbox could not be read; retrying')
    } finally {
      looking = false
    }
    onRead()
  }

  function lookOverAll () {
    fullLookAt = 0
    again = true
  }

  function forget () {
    lastLookWasFull = false
    rows.forget()
  }

  return {
    look,
    /** Looks again if there is reason to, and room. */
    lookOn () {
      if (again && rows.size < CLAIM_ROWS) void look()
    },
    /** Has the next look go over the whole outbox. */
    lookOverAll,
    /** Leaves to the outbox the rows that wait. */
    forget,
    /** The stream may have a row that the outbox shows as unpublished. */
    doubt () {
      reconciled = false
      again = true
      forget()
    },
    /** A new term begins: the table has the marks of the last leader. */
    begin () {
      reconciled = false
      fullLookAt = 0
      void look()
    }
  }
}
