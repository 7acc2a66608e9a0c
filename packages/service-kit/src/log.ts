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
  }, batches(pino.destination({ dest: 1, sync: false, maxWrite: 4 * BATCH_CHARACTERS })))
}

const BATCH_CHARACTERS = 16_384
const BATCH_MS = 50

/** Gathers lines: a line costs much less than a write, also one in the background. */
function batches (destination: ReturnType<typeof pino.destination>) {
  let lines = ''
  let timer: NodeJS.Timeout | undefined
  function pass () {
    clearTimeout(timer)
    timer = undefined
    if (lines === '') return
    destination.write(lines)
    lines = ''
  }
  function flushSync () {
    pass()
    destination.flushSync()
  }
  process.on('beforeExit', pass).on('exit', flushSync)
  return {
    write (line: string) {
      lines += line
      if (lines.length >= BATCH_CHARACTERS) pass()
      else timer ??= setTimeout(pass, BATCH_MS).unref()
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
