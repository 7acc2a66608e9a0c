import { fstatSync, write, writeSync } from 'node:fs'

/** Takes bytes in order and says of each piece whether it was written; never throws, never waits. */
export interface Sink {
  write (bytes: Buffer, done: (error?: Error | null) => void): void
  /** Writes at once what can be, when the process ends. */
  flushSync (): void
}

const STDOUT = 1
const RETRY_MS = 100

/** Standard output as a sink. */
export function standardOutput (): Sink {
  const stat = fstatSync(STDOUT)
  return stat.isFIFO() || stat.isSocket() ? pipeSink() : fileSink()
}

/**
 * A pipe through Node's stream, which writes without blocking. A write in a thread of libuv would block that thread for as
 * long as nobody reads, and the process could not end before it.
 */
function pipeSink (): Sink {
  let broken: Error | undefined
  process.stdout.on('error', (error) => { broken = error }) // EPIPE: nobody will ever read again
  return {
    write (bytes, done) {
      if (broken) done(broken)
      else process.stdout.write(bytes, done)
    },
    flushSync () {} // the stream has tried already
  }
}

/** A file or a terminal, written in the background. A full disk loses what it does not take, and is asked again. */
function fileSink (): Sink {
  const queue: Array<{ bytes: Buffer, done: (error?: Error | null) => void }> = []
  let torn = false

  function start () {
    const { bytes } = queue[0]!
    attempt(torn ? Buffer.concat([Buffer.from('\n'), bytes]) : bytes, 0)
  }

  function attempt (bytes: Buffer, offset: number) {
    write(STDOUT, bytes, offset, bytes.length - offset, null, (error, written) => {
      if (error?.code === 'EAGAIN') return setTimeout(attempt, RETRY_MS, bytes, offset).unref()
      const end = offset + (written || 0)
      if (!error && end < bytes.length) return attempt(bytes, end)
      if (error === null) torn = false
      else torn ||= end > 0
      queue.shift()!.done(error)
      if (queue.length > 0) start()
    })
  }

  return {
    write (bytes, done) {
      queue.push({ bytes, done })
      if (queue.length === 1) start()
    },
    flushSync () {
      // The first is on its way in a thread that the end of the process waits for.
      for (const { bytes, done } of queue.splice(1)) {
        try {
          writeSync(STDOUT, bytes)
          done()
        } catch (error) {
          done(error as Error)
        }
      }
    }
  }
}
