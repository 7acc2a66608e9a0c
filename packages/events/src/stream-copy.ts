import { JetStreamApiError, type ApiError, type StreamConfig } from '@nats-io/jetstream'
import { createInbox } from '@nats-io/nats-core'
import { inboxPrefixOf } from './broker.ts'
import type { Operator } from './operator.ts'

/** A stream as the server copies it: messages with their sequences, and consumers with what they acknowledged. */
export interface StreamCopy {
  name: string
  config: StreamConfig
  state: unknown
  /** In the server's own format. */
  chunks: AsyncIterable<Uint8Array>
}

const CHUNK_BYTES = 128 * 1024
/** The server reads and writes files meanwhile. */
const PATIENCE_MS = 60_000

async function api<Answer> ({ nc }: Operator, subject: string, request: object): Promise<Answer> {
  const message = await nc.request(`$JS.API.STREAM.${subject}`, JSON.stringify(request), { timeout: PATIENCE_MS })
  const answer = message.json<Answer & { error?: ApiError }>()
  if (answer.error) throw new JetStreamApiError(answer.error)
  return answer
}

/** Copies a stream while it is used. What is published meanwhile may be missing, never what was there before. */
export async function copyStream (operator: Operator, name: string): Promise<StreamCopy> {
  const { nc } = operator
  const inbox = createInbox(inboxPrefixOf('provisioner'))
  const subscription = nc.subscribe(inbox)
  try {
    const { config, state } = await api<Pick<StreamCopy, 'config' | 'state'>>(operator, `SNAPSHOT.${name}`, {
      deliver_subject: inbox,
      chunk_size: CHUNK_BYTES
    })
    return { name, config, state, chunks: received() }
  } catch (error) {
    subscription.unsubscribe()
    throw error
  }

  async function * received () {
    let late: NodeJS.Timeout | undefined
    try {
      for await (const message of subscription) {
        clearTimeout(late)
        if (message.data.length === 0) {
          const status = message.headers?.code ?? 0
          if (status >= 300) throw new Error(`NATS broke off the copy of ${name}: ${message.headers!.description}`)
          return
        }
        yield message.data
        message.respond()
        late = setTimeout(() => subscription.unsubscribe(), PATIENCE_MS)
      }
      throw new Error(`the copy of ${name} was broken off`)
    } finally {
      clearTimeout(late)
      subscription.unsubscribe()
    }
  }
}

/** Makes a stream out of a copy, with as many replicas as are asked for. There must be none of its name. */
export async function restoreStream (
  operator: Operator,
  { name, config, state, chunks }: StreamCopy,
  { replicas }: { replicas: number }
): Promise<void> {
  const { nc } = operator
  const { deliver_subject: target } = await api<{ deliver_subject: string }>(operator, `RESTORE.${name}`, {
    config: { ...config, num_replicas: replicas },
    state
  })
  for await (const chunk of chunks) await nc.request(target, chunk, { timeout: PATIENCE_MS })
  const done = await nc.request(target, '', { timeout: PATIENCE_MS })
  const answer = done.json<{ error?: ApiError }>()
  if (answer.error) throw new JetStreamApiError(answer.error)
}
