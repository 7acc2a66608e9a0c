import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'

/** One part of a backup: what it is, and its bytes. */
export interface Entry<Header = EntryHeader> {
  header: Header
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export type EntryHeader = { kind: string } & Record<string, unknown>

/*
 * A file is frames, compressed: four bytes of length and as many bytes. An entry is a frame with its header as JSON,
 * frames with its bytes, and an empty frame. The last entry has the SHA-256 of all frames before it.
 */
const LENGTH_BYTES = 4
const MAX_FRAME = 64 * 1024 * 1024
const END = 'end'

const frame = (bytes: Uint8Array) => {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
const NOTHING = new Uint8Array()

async function * frames (entries: AsyncIterable<Entry>): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  for await (const { header, chunks } of entries) {
    yield hashed(frame(Buffer.from(JSON.stringify(header))))
    for await (const chunk of chunks) if (chunk.length > 0) yield hashed(frame(chunk))
    yield hashed(frame(NOTHING))
  }
  yield frame(Buffer.from(JSON.stringify({ kind: END, sha256: hash.digest('hex') })))

  function hashed (bytes: Buffer) {
    hash.update(bytes)
    return bytes
  }
}

/**
 * Writes a backup; the file appears when it is whole. `-` is standard output. Throws before the first entry is read
 * when its folder is missing, or when it is there already and may not be replaced.
 */
export async function writeArchive (
  file: string,
  entries: AsyncIterable<Entry>,
  { replace }: { replace: boolean }
): Promise<void> {
  const packed = createGzip({ level: 1 })
  if (file === '-') return pipeline(frames(entries), packed, process.stdout)
  await refuseTarget(file, replace)
  const unfinished = `${file}.unfinished`
  try {
    await pipeline(frames(entries), packed, createWriteStream(unfinished, { mode: 0o600 }))
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}

async function refuseTarget (file: string, replace: boolean) {
  const found = (path: string) => stat(path).catch(() => undefined)
  const [folder, target] = await Promise.all([found(dirname(file)), found(file)])
  if (!folder?.isDirectory()) throw new Error(`there is no folder ${dirname(file)}`)
  if (target?.isDirectory()) throw new Error(`${file} is a folder: name a file`)
  if (target && !replace) throw new Error(`there is a file ${file}: --replace would lose it`)
}

/** Reads a backup entry by entry, whose bytes are read at once or passed over. Throws when the file is damaged. */
export async function * readArchive (file: string): AsyncGenerator<Entry> {
  const hash = createHash('sha256')
  const source = createReadStream(file)
  const unpacked = source.pipe(createGunzip())
  source.on('error', (error) => unpacked.destroy(error))
  const reader = framesOf(unpacked)
  try {
    for (;;) {
      const head = await next()
      const header = headerIn(head)
      if (header.kind === END) {
        if (header.sha256 !== hash.digest('hex')) throw new Error(`${file} is no whole backup: its checksum is another`)
        return
      }
      hash.update(frame(head))
      const chunks = bytesOfEntry()
      yield { header, chunks }
      for await (const chunk of chunks) void chunk
    }
  } finally {
    source.destroy()
  }

  async function next () {
    const { value } = await reader.next().catch((cause) => { throw readingFault(cause) })
    if (value === undefined) throw readingFault({ code: 'Z_BUF_ERROR' })
    return value
  }

  function headerIn (bytes: Buffer) {
    try {
      return JSON.parse(bytes.toString()) as EntryHeader
    } catch (cause) {
      throw readingFault(cause)
    }
  }

  function readingFault (cause: unknown) {
    const { code = '' } = cause as { code?: string }
    return new Error(`${file} ${FAULTS[code] ?? 'is no backup, or a damaged one'}`, { cause })
  }

  async function * bytesOfEntry () {
    for (;;) {
      const bytes = await next()
      hash.update(frame(bytes))
      if (bytes.length === 0) return
      yield bytes
    }
  }
}

/** By the codes of Node's errors. */
const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a folder',
  EACCES: 'may not be read',
  Z_BUF_ERROR: 'is no whole backup: it is cut off'
}

async function * framesOf (stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let held = Buffer.alloc(0)
  for await (const chunk of stream) {
    held = Buffer.concat([held, chunk])
    while (held.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + held.readUInt32BE()
      if (end > MAX_FRAME) throw new Error('it is none of ours')
      if (held.length < end) break
      yield held.subarray(LENGTH_BYTES, end)
      held = held.subarray(end)
    }
  }
  return undefined
}
