import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
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

/** Writes a backup; the file appears when it is whole. `-` is standard output. */
export async function writeArchive (file: string, entries: AsyncIterable<Entry>): Promise<void> {
  const packed = createGzip({ level: 1 })
  if (file === '-') return pipeline(frames(entries), packed, process.stdout)
  const unfinished = `${file}.unfinished`
  try {
    await pipeline(frames(entries), packed, createWriteStream(unfinished, { mode: 0o600 }))
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
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
      const header = JSON.parse(head.toString()) as EntryHeader
      if (header.kind === END) {
        if (header.sha256 !== hash.digest('hex')) throw new Error('its checksum is another')
        return
      }
      hash.update(frame(head))
      const chunks = bytesOfEntry()
      yield { header, chunks }
      for await (const chunk of chunks) void chunk
    }
  } catch (cause) {
    throw new Error(`${file} is no whole backup: ${(cause as Error).message}`, { cause })
  } finally {
    source.destroy()
  }

  async function next () {
    const { value } = await reader.next()
    if (value === undefined) throw new Error('it is cut off')
    return value
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
