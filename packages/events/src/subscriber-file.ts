import { readFile, rename, writeFile } from 'node:fs/promises'
import { faultOfName, MAX_CONSUMERS_OF_ONE, type Subscriber } from './subscribers.ts'

/**
 * The subscribers that a file lists; none when there is no file. Throws a line for the operator when it lists something
 * else.
 */
export async function readSubscribers (file: string): Promise<Subscriber[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]'
    throw error
  })
  const subscribers = parse(text)
  const fault = Array.isArray(subscribers) ? subscribers.map(faultOf).find(Boolean) : 'it is no list'
  if (fault) throw new Error(`${file} lists no subscribers: ${fault}`)
  return subscribers as Subscriber[]
}

/** Writes the list, with its passwords, for nobody else to read; a reader sees the old one or the new one. */
export async function writeSubscribers (file: string, subscribers: readonly Subscriber[]): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(subscribers, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function faultOf (entry: Partial<Subscriber> | null): string | undefined {
  const { name, password, consumers } = entry ?? {}
  if (typeof name !== 'string' || typeof password !== 'string' || password === '') {
    return 'an entry has no name or no password'
  }
  if (!Number.isInteger(consumers) || consumers! < 1 || consumers! > MAX_CONSUMERS_OF_ONE) {
    return `${name} needs 1 to ${MAX_CONSUMERS_OF_ONE} consumers`
  }
  return faultOfName(name)
}
