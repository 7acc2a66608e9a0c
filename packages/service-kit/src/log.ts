import { pino, type Logger } from 'pino'

/** Whatever gets into a log line by accident: these members never do. */
const SECRETS = ['authorization', 'cookie', 'password', 'currentPassword', 'newPassword', 'token', 'accessToken', 'refreshToken', 'secret']

/**
 * The logger of one process: JSON lines on standard output, written in the background so that no request waits for a
 * terminal or a disk; what is buffered is flushed at exit.
 */
export function createLog (name: string, level: string): Logger {
  return pino({
    name,
    level,
    base: { name },
    timestamp: isoTime(),
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`, `*.headers.${key}`]), censor: '[redacted]' }
  }, batches(pino.destination({ dest: 1, sync: false, contentMode: 'buffer' } as Parameters<typeof pino.destination>[0])))
}

/**
 * A logger for objects whose members are all known to be harmless and easily written: by JSON.stringify at once, where
 * pino asks for each member who serializes and who hides it. The message is their member `msg`.
 */
export function plainLines (log: Logger): Logger {
  const lines = log.child({}, { redact: [] })
  const { asJsonSym, chindingsSym, lsCacheSym } = pino.symbols
  const inside = lines as unknown as Record<symbol, unknown>
  const levels = inside[lsCacheSym] as Record<number, string>
  const bindings = inside[chindingsSym] as string
  inside[asJsonSym] = (line: object, _message: undefined, level: number, time: string) => `${levels[level]}${time}${bindings},${JSON.stringify(line).slice(1)}\n`
  return lines
}

const BATCH_BYTES = 32_768
const BATCH_MS = 50
const MAX_BYTES_OF_CHARACTER = 3

/**
 * Gathers lines: a line costs much less than a write, also one in the background. They are kept as bytes, since as text
 * they would be the many pieces that they are made of, for the garbage collector to carry about.
 */
function batches (destination: ReturnType<typeof pino.destination>) {
  const batch = Buffer.allocUnsafeSlow(BATCH_BYTES)
  let used = 0
  let timer: NodeJS.Timeout | undefined
  function pass () {
    clearTimeout(timer)
    timer = undefined
    if (used === 0) return
    hand(Buffer.from(batch.subarray(0, used)))
    used = 0
  }
  /** Typed for text alone; in its mode for bytes it takes nothing else. */
  function hand (bytes: Buffer) {
    destination.write(bytes as unknown as string)
  }
  function flushSync () {
    pass()
    destination.flushSync()
  }
  process.on('beforeExit', pass).on('exit', flushSync)
  return {
    write (line: string) {
      const most = line.length * MAX_BYTES_OF_CHARACTER
      if (used + most > BATCH_BYTES) pass()
      if (most > BATCH_BYTES) hand(Buffer.from(line))
      else used += batch.write(line, used)
      timer ??= setTimeout(pass, BATCH_MS).unref()
    },
    flush (done?: (error?: Error) => void) {
      pass()
      destination.flush(done)
    },
    flushSync
  }
}

/** RFC 3339 time, written out once a millisecond however many lines fall into it. */
function isoTime () {
  let last = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== last) {
      last = now
      text = `,"time":"${new Date(now).toISOString()}"`
    }
    return text
  }
}
