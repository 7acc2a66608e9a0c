import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'

/** Keeps what the processes log in this run in .data/logs, and shows warnings and errors. */
export function relayOutput (dataDir: string) {
  const folder = join(dataDir, 'logs')
  mkdirSync(folder, { recursive: true })
  const files = new Map<string, WriteStream>()
  return (name: string, text: string) => {
    const file = files.get(name) ?? createWriteStream(join(folder, `${name}.log`), { flags: 'w' })
    files.set(name, file)
    file.write(text)
    for (const line of text.split('\n')) if (/"level":"(warn|error|fatal)"/.test(line)) process.stdout.write(`${line}\n`)
  }
}
