import { RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream'

/** The members of `wanted` that differ on the server: `max_age: 0 → 60`. */
export function differencesOf (wanted: object, present: object, ignored: string[] = []): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const found: unknown = (present as Record<string, unknown>)[key]
    if (ignored.includes(key) || textOf(found) === textOf(value)) return []
    return [`${key}: ${textOf(found)} → ${textOf(value)}`]
  })
}

/** The server leaves out settings that are not set. */
const textOf = (value: unknown) => JSON.stringify(value) ?? 'none'

/** Settings of an existing stream that would lose events, each with its remedy. */
export function dangersOf (
  wanted: { name: string, subjects: string[], duplicate_window: number, max_bytes: number },
  present: StreamConfig
): string[] {
  const dangers: string[] = []
  const danger = (text: string) => dangers.push(`stream ${wanted.name}: ${text}`)
  if (present.retention !== RetentionPolicy.Limits) {
    danger(`retention is "${present.retention}", which drops what was consumed; it must be "limits"`)
  }
  if (present.storage !== StorageType.File) danger('storage is memory, which a restart empties; it must be "file"')
  for (const limit of ['max_msgs', 'max_bytes', 'max_msgs_per_subject', 'max_age'] as const) {
    // The limit that is asked for refuses events, which wait for it to be raised.
    if (limit === 'max_bytes' && wanted.max_bytes > 0) continue
    if (present[limit] > 0) danger(`${limit} is ${present[limit]}, which drops or refuses events; remove the limit`)
  }
  if (present.deny_delete) danger('deny_delete is set, so no text could be erased; make a new stream without it')
  if (present.no_ack) danger('no_ack is set, so nobody knows what is stored; remove it')
  if (present.sealed) danger('is sealed: nothing can be published; make a new one')
  if (present.mirror || present.sources) danger('copies another stream; events must be published into it directly')
  for (const subject of wanted.subjects) {
    if (!present.subjects.includes(subject)) {
      danger(`does not take ${subject}; its subjects are ${present.subjects.join(', ')}`)
    }
  }
  return dangers
}
