import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createLogFile, type LogFile } from './log-file.ts'

const LEVELS: Record<string, 'warn' | 'error' | undefined> = { warn: 'warn', error: 'error', fatal: 'error' }
/** A longer line is not ours; it is not buffered to its end. */
const LONGEST_LINE = 65_536

/**
 * Keeps what the processes of this run log, a file each, and shows warnings and errors as a line. While they start,
 * each misses the others for a moment, so warnings are shown only from `ready` on.
 */
export function relayOutput (folder: string, say: (line: string) => void) {
  mkdirSync(folder, { recursive: true })
  const files = new Map<string, LogFile>()
  const unfinished = new Map<string, string>()
  let isReady = false

  function show (name: string, line: string) {
    const { level, msg, err } = recordIn(line)
    const kind = LEVELS[String(level)]
    if (kind === 'error' || (kind === 'warn' && isReady)) {
      say(`${name}: ${kind}: ${msg}${err?.message ? ` (${err.message})` : ''}`)
    }
  }

  return {
    onOutput (name: string, text: string) {
      const file = files.get(name) ?? createLogFile(join(folder, `${name}.log`), say)
      files.set(name, file)
      file.write(text)
      const lines = text.split('\n')
      lines[0] = (unfinished.get(name) ?? '') + lines[0]
      unfinished.set(name, lines.pop()!.slice(0, LONGEST_LINE))
      for (const line of lines) show(name, line)
    },
    ready () { isReady = true }
  }
}

interface LogRecord {
  level?: unknown
  msg?: unknown
  err?: { message?: unknown }
}

/** Preloads and debuggers write to the output too: a line that is no log line is an empty record. */
function recordIn (line: string): LogRecord {
  if (!line.startsWith('{') || line.length > LONGEST_LINE) return {}
  try {
    return JSON.parse(line) as LogRecord
  } catch {
    return {}
  }
}
