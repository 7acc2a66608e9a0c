import { closeSync, openSync, writeSync } from 'node:fs'
import { basename } from 'node:path'

export interface LogFile {
  /** Appends text. Never throws. */
  write (text: string): void
}

/**
 * A log file that begins empty. While it cannot be written (a full disk), its lines are lost, which is said once; it
 * goes on with the next line for which there is room.
 */
export function createLogFile (path: string, say: (line: string) => void): LogFile {
  let flags: 'w' | 'a' = 'w'
  let file: number | undefined
  let lost = 0
  let isTorn = false

  /** Returns the number of bytes written. */
  function append (bytes: Buffer) {
    let written = 0
    try {
      file ??= openSync(path, flags, 0o600)
      flags = 'a'
      while (written < bytes.length) written += writeSync(file, bytes, written)
    } catch (error) {
      if (lost === 0) {
        say(`${basename(path)} cannot be written (${
          (error as NodeJS.ErrnoException).code
        }): its lines are lost until it can`)
      }
      if (file !== undefined) closeSync(file)
      file = undefined
    }
    return written
  }

  /** After a loss, the text from its next full line on. */
  function resumable (text: string) {
    const end = text.indexOf('\n')
    return end < 0 ? '' : `${isTorn ? '\n' : ''}${text.slice(end + 1)}`
  }

  return {
    write (text) {
      const bytes = Buffer.from(lost === 0 ? text : resumable(text))
      const written = append(bytes)
      if (written < bytes.length) {
        lost += bytes.length - written
        if (written > 0) isTorn = bytes[written - 1] !== 0x0a
      } else if (lost > 0 && written > 0) {
        say(`${basename(path)} is written again; ${lost} bytes were lost`)
        lost = 0
        isTorn = false
      }
    }
  }
}
