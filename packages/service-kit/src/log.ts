import { pino, type Logger } from 'pino'
import { boundedLines } from './log/bounded-lines.ts'
import { standardOutput } from './log/standard-output.ts'

/** Whatever gets into a log line by accident: these members never do. */
const SECRETS = ['authorization', 'cookie', 'password', 'currentPassword', 'newPassword', 'token', 'accessToken', 'refreshToken', 'secret']

/** Lines that standard output did not take. */
export const lineLosses = { lines: 0 }

/**
 * The logger of one process: JSON lines on standard output. No request waits for whoever reads them; when nobody does,
 * lines are lost, and are counted. What is buffered is flushed at exit.
 */
export function createLog (name: string, level: string): Logger {
  const lines = boundedLines({ sink: standardOutput(), losses: lineLosses, onRecovery: (lost) => log.warn({ lines: lost }, 'log lines were lost while standard output took none') })
  process.on('beforeExit', () => lines.flush()).on('exit', lines.flushSync)
  const log: Logger = pino({
    name,
    level,
    base: { name },
    timestamp: isoTime(),
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`, `*.headers.${key}`]), censor: '[redacted]' }
  }, lines)
  return log
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
