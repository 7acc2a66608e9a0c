import { NetworkError } from './errors.ts'

/** What a block of an event stream says (HTML Living Standard, 9.2.6); a block without data only moves the position. */
export interface Block {
  id?: string
  data?: string
  retryMs?: number
}

/**
 * Blocks of an event stream as it arrives, until it ends or the signal is aborted. An unfinished block at the end is
 * dropped, as the standard says.
 */
export async function * blocksOf (
  body: ReadableStream<Uint8Array>,
  { signal, onBytes }: { signal: AbortSignal, onBytes: () => void }
): AsyncGenerator<Block, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const cancel = () => { reader.cancel().catch(() => undefined) }
  signal.addEventListener('abort', cancel)
  let rest = ''
  let block: Block = {}
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new NetworkError('unreachable', 'the stream broke off', { cause })
      })
      if (done) return
      onBytes()
      // A carriage return at the end may be half of a line's end.
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop()!
      for (const line of lines) {
        if (line !== '') {
          add(block, line)
          continue
        }
        yield block
        block = {}
      }
    }
  } finally {
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}

function add (block: Block, line: string) {
  const colon = line.indexOf(':')
  const field = colon < 0 ? line : line.slice(0, colon)
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
  if (field === 'data') block.data = block.data === undefined ? value : `${block.data}\n${value}`
  else if (field === 'id') block.id = value
  else if (field === 'retry' && /^\d+$/.test(value)) block.retryMs = Number(value)
}
