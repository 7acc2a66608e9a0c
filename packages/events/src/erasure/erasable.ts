import { events } from '@gatepost/contracts/events'

const erasable = events.filter((event) => event.erasable)

/** Subjects whose events are erased once their aggregate has ended. */
export const ERASABLE_SUBJECTS = erasable.map((event) => event.subject)
/** Services that publish such events, and erase them. */
export const ERASABLE_OWNERS: ReadonlySet<string> = new Set(erasable.map((event) => event.owner))

const endings = new Set(events
  .filter((event) =>
    event.final && erasable.some((other) => other.owner === event.owner && other.aggregate === event.aggregate)
  )
  .map((event) => event.subject))

/** Whether an event of the subject is the end of an aggregate whose earlier events are then erased. */
export function isEnding (subject: string): boolean {
  return endings.has(subject)
}
