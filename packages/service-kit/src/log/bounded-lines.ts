import type { Sink } from './standard-output.ts'

const BATCH_BYTES = 32_768
const BATCH_MS = 50
const MAX_BYTES_OF_CHARACTER = 3
/** The most bytes that wait for a sink; some ten thousand lines. */
const MAX_WAITING_BYTES = 4 * 2 ** 20
const FLUSH_MS = 1_000

export interface BoundedLinesOptions {
  sink: Sink
  /** Counts lines that were lost. */
  losses: { lines: number }
  /** Called with the number of lost lines when the sink takes lines again. */
  onRecovery: (lost: number) => void
}

/**
 * Gathers lines, since a write costs much more than a line. They are kept as bytes: a text keeps the many pieces that
 * it was made of, which the garbage collector carries about. A sink that takes nothing costs lines, and neither memory
 * nor time.
 */
export function boundedLines ({ sink, losses, onRecovery }: BoundedLinesOptions) {
  const batch = Buffer.allocUnsafeSlow(BATCH_BYTES)
  let used = 0
  let lines = 0
  let timer: NodeJS.Timeout | undefined
  let waiting = 0
  let untold = 0
  let onEmpty: Array<() => void> = []

  function lose (lines: number) {
    losses.lines += lines
    untold += lines
  }

  function hand (bytes: Buffer, lines: number) {
    if (waiting + bytes.length > MAX_WAITING_BYTES) return lose(lines)
    waiting += bytes.length
    sink.write(bytes, (error) => {
      waiting -= bytes.length
      if (error) lose(lines)
      if (waiting > 0) return
      for (const done of onEmpty.splice(0)) done()
      if (error || untold === 0) return
      const lost = untold
      untold = 0
      onRecovery(lost)
    })
  }

  function pass () {
    clearTimeout(timer)
    timer = undefined
    if (used > 0) hand(Buffer.from(batch.subarray(0, used)), lines)
    used = 0
    lines = 0
  }

  function flushSync () {
    sink.flushSync()
    pass()
    sink.flushSync()
  }

  return {
    /** `end` comes apart from the line, since a joined text is copied once more when it is written. */
    write (line: string, end = '') {
      const most = (line.length + end.length) * MAX_BYTES_OF_CHARACTER
      if (used + most > BATCH_BYTES) pass()
      if (most > BATCH_BYTES) return hand(Buffer.from(line + end), 1)
      used += batch.write(line, used)
      if (end !== '') used += batch.write(end, used)
      lines++
      timer ??= setTimeout(pass, BATCH_MS).unref()
    },
    /** Calls back once all lines are taken, and after a second in any case. */
    flush (done: () => void = () => {}) {
      pass()
      if (waiting === 0) return done()
      const late = setTimeout(settle, FLUSH_MS)
      function settle () {
        clearTimeout(late)
        onEmpty = onEmpty.filter((other) => other !== settle)
        done()
      }
      onEmpty.push(settle)
    },
    flushSync
  }
}
