import type { OutboxStore, WaitingRow } from './outbox-store.ts'

/** A subject is tried again with one row after this: the accounts may have been written meanwhile. */
const TRIAL_MS = 5_000

export type ForbiddenSubjects = ReturnType<typeof createForbiddenSubjects>

/**
 * Subjects that NATS does not permit, as those of a new event before the accounts are written. Their rows wait in
 * the outbox.
 */
export function createForbiddenSubjects (store: Pick<OutboxStore, 'claimOf'>) {
  const subjects = new Map<string, { trialAt: number, trial?: string }>()

  return {
    list: () => [...subjects.keys()],
    /** Whether the row must not be published now. */
    has (row: WaitingRow) {
      const subject = subjects.get(row.subject)
      return subject !== undefined && subject.trial !== row.id
    },
    add (subject: string) {
      subjects.set(subject, { trialAt: performance.now() + TRIAL_MS })
    },
    /** Resolves with one row of each subject whose time has come, unless it waits for another row. */
    async claimTrials (quarantined: string[]): Promise<WaitingRow[]> {
      const trials: WaitingRow[] = []
      for (const [name, subject] of subjects) {
        if (performance.now() < subject.trialAt) continue
        subject.trialAt = performance.now() + TRIAL_MS
        const row = await store.claimOf(name, quarantined)
        if (!row) subjects.delete(name)
        else if (row.waitsFor === null && row.id !== subject.trial) {
          subject.trial = row.id
          trials.push(row)
        }
      }
      return trials
    },
    /** Whether it was forbidden until now. */
    permit: (subject: string) => subjects.delete(subject),
    clear: () => { subjects.clear() }
  }
}
