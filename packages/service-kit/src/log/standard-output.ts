import { constants, fstatSync, openSync, write, writeSync } from 'node:fs'

/** Takes bytes in order and tells for each piece whether it was written; never throws, never waits. */
export interface Sink {
  write (bytes: Buffer, done: Done): void
  /** Writes at the end of the process what can be written at once; later pieces are written at once too. */
  flushSync (): void
}

type Done = (error?: Error | null) => void
interface Piece { bytes: Buffer, done: Done }

const STDOUT = 1

/** Standard output as a sink. */
export function standardOutput (): Sink {
  const stat = fstatSync(STDOUT)
  return stat.isFIFO() || stat.isSocket() ? pipeSink() : fileSink()
}

const SHORTEST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 100
const LAST_WORDS_MS = 250

/**
 * A pipe, written without blocking; a full one is tried again. A blocking write holds a thread of libuv while nobody
 * reads, and the process could not end before it.
 */
function pipeSink (): Sink {
  const pipe = nonBlockingPipe()
  const queue: Piece[] = []
  let offset = 0
  let pause = SHORTEST_PAUSE_MS
  let timer: NodeJS.Timeout | undefined

  /** Whether the pipe took everything. */
  function drain (): boolean {
    clearTimeout(timer)
    while (queue.length > 0) {
      const { bytes, done } = queue[0]!
      try {
        offset += writeSync(pipe, bytes, offset)
        pause = SHORTEST_PAUSE_MS
        if (offset < bytes.length) continue
        next(done)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') next(done, error as Error)
        else {
          timer = setTimeout(drain, pause).unref()
          pause = Math.min(2 * pause, LONGEST_PAUSE_MS)
          return false
        }
      }
    }
    return true
  }

  function next (done: Done, error?: Error) {
    queue.shift()
    offset = 0
    done(error)
  }

  return {
    write (bytes, done) {
      queue.push({ bytes, done })
      if (queue.length === 1) drain()
    },
    flushSync () {
      const cell = new Int32Array(new SharedArrayBuffer(4))
      for (const deadline = performance.now() + LAST_WORDS_MS; !drain() && performance.now() < deadline;) {
        Atomics.wait(cell, 0, 0, SHORTEST_PAUSE_MS)
      }
    }
  }
}

/**
 * Opens standard output anew: whether a pipe blocks is shared by all processes that inherited it, and each ending
 * process of Node resets it. Where it cannot be opened, returns the present one, which Node makes non-blocking when it
 * opens its stream.
 */
function nonBlockingPipe (): number {
  try {
    return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    process.stdout.on('error', () => {}) // nothing is written through it
    return STDOUT
  }
}

/** A file or a terminal, written in the background. A full disk loses lines, and is tried again. */
function fileSink (): Sink {
  const queue: Piece[] = []
  let torn = false
  let ending = false

  function start () {
    const { bytes } = queue[0]!
    attempt(torn ? Buffer.concat([Buffer.from('\n'), bytes]) : bytes, 0)
  }

  function attempt (bytes: Buffer, offset: number) {
    write(STDOUT, bytes, offset, bytes.length - offset, null, (error, written) => {
      const end = offset + (written || 0)
      if (!error && end < bytes.length) return attempt(bytes, end)
      torn = error !== null && (torn || end > 0)
      queue.shift()!.done(error)
      if (queue.length > 0) start()
    })
  }

  function writeNow ({ bytes, done }: Piece) {
    try {
      writeSync(STDOUT, bytes)
      done()
    } catch (error) {
      done(error as Error)
    }
  }

  return {
    write (bytes, done) {
      if (ending) return writeNow({ bytes, done })
      queue.push({ bytes, done })
      if (queue.length === 1) start()
    },
    flushSync () {
      ending = true
      queue.splice(1).forEach(writeNow) // the first is on its way, in a thread
    }
  }
}
