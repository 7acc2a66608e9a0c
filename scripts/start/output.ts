import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'

const LEVELS: Record<string, 'warn' | 'error' | undefined> = { warn: 'warn', error: 'error', fatal: 'error' }

/**
 * Keeps what the processes of this run log, a file each, and shows warnings and errors as a line. While they start, each
 * misses the others for a moment, so warnings are shown only from `ready` on.
 */
export function relayOutput (folder: string, say: (line: string) => void) {
  mkdirSync(folder, { recursive: true })
  const files = new Map<string, WriteStream>()
  const unfinished = new Map<string, string>()
  let isReady = false

  function show (name: string, line: string) {
    if (!line.startsWith('{')) return
    const { level, msg, err } = JSON.parse(line) as { level: string, msg: string, err?: { message: string } }
    const kind = LEVELS[level]
    if (kind === 'error' || (kind === 'warn' && isReady)) say(`${name}: ${kind}: ${msg}${err ? ` (${err.message})` : ''}`)
  }

  return {
    onOutput (name: string, text: string) {
      const file = files.get(name) ?? createWriteStream(join(folder, `${name}.log`), { flags: 'w' })
      files.set(name, file)
      file.write(text)
      const lines = ((unfinished.get(name) ?? '') + text).split('\n')
      unfinished.set(name, lines.pop()!)
      for (const line of lines) show(name, line)
    },
    ready () { isReady = true }
  }
}
