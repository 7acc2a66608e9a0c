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
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`, `*.headers.${key}`]), censor: '[redacted]' }
  }, pino.destination({ dest: 1, sync: false, minLength: 4096, periodicFlush: 100 }))
}
