import { randomUUID } from 'node:crypto'
import { closeSync, fstatSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MIB = 2 ** 20
/** In memory where the system has such a folder; containers often have little of it. */
const FOLDERS = ['/dev/shm', tmpdir()]

/** <sys/mman.h>; of what Node runs on, all but Windows agree on these. */
const PROT_READ_WRITE = 1 | 2
const MAP_SHARED = 1
const MAP_FAILED = -1n

/** There is no room for what the workers of a process share. */
export class NoRoomError extends Error {}

/**
 * Memory that processes share: a file without a name, which only those have who inherit its descriptor, which is answered.
 * All of it is written at once: without room for it, that is heard of here, and not by whoever touches it later.
 */
export function openSharedMemory (contents: Uint8Array): number {
  const faults: string[] = []
  for (const folder of FOLDERS) {
    try {
      return openIn(folder, contents)
    } catch (error) {
      faults.push((error as Error).message)
    }
  }
  throw new NoRoomError(`no room for the ${Math.ceil(contents.length / MIB)} MiB that workers share; make some, or have fewer of them (${faults.join('; ')})`)
}

function openIn (folder: string, contents: Uint8Array) {
  const path = join(folder, `gatepost-${randomUUID()}`)
  const descriptor = openSync(path, 'wx+', 0o600)
  try {
    unlinkSync(path)
    for (let written = 0; written < contents.length;) written += writeSync(descriptor, contents, written)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** What {@link openSharedMemory} opened, as memory: what one process writes into it, the others read. Closes the descriptor. */
export async function mapSharedMemory (descriptor: number): Promise<ArrayBuffer> {
  const { default: koffi } = await import('koffi')
  const mmap = koffi.load(null).func('void *mmap(void *address, size_t length, int protection, int flags, int descriptor, int64_t offset)')
  const length = fstatSync(descriptor).size
  const address = mmap(null, length, PROT_READ_WRITE, MAP_SHARED, descriptor, 0)
  if (BigInt.asIntN(64, koffi.address(address)) === MAP_FAILED) throw new Error('the memory that workers share cannot be mapped')
  closeSync(descriptor)
  return koffi.view(address, length)
}
