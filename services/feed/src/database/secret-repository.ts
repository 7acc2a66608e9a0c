import { randomBytes } from 'node:crypto'
import type { Connection } from './database.ts'

const BYTES = 32

export const secretRepository = {
  /**
   * The random key of a name: made by whoever asks first, the same for all replicas and after every restart. Once it is
   * there it is only read, which works on a full disk and on a standby.
   */
  async find (connection: Connection, name: string) {
    const known = await connection.secret.findUnique({ where: { name } })
    if (known) return known.value
    await connection.secret.createMany({ data: [{ name, value: randomBytes(BYTES) }], skipDuplicates: true })
    const { value } = await connection.secret.findUniqueOrThrow({ where: { name } })
    return value
  }
}
