import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { jetstreamManager } from '@nats-io/jetstream'
import { appendVersions, eventually, setStage } from './stage.ts'

/** A text that has to vanish. */
export const MARK = 'Wilhelmina Vanishing'
/** Milliseconds that an erasure may take. */
export const WITHIN = 10_000

export type ErasureStage = Awaited<ReturnType<typeof setErasureStage>>

/** A stage that can be searched for texts: the broker's files and the rows of a database. */
export async function setErasureStage () {
  const stage = await setStage()

  /** Whether a file of the broker holds the text. */
  async function onDisk (text = MARK) {
    const folder = join(stage.nats.dataDir, 'store')
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      const bytes = await readFile(join(file.parentPath, file.name)).catch(() => Buffer.alloc(0))
      if (bytes.includes(text)) return true
    }
    return false
  }

  /** Whether any visible row of any table holds the text. */
  async function inRows (pool = stage.pool, text = MARK) {
    const { rows: tables } = await pool.query<{ name: string }>(
      "SELECT format('public.%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    for (const { name } of tables) {
      const { rowCount } = await pool.query(
        `SELECT FROM ${name} AS each WHERE each::text LIKE '%' || $1 || '%' LIMIT 1`,
        [text]
      )
      if (rowCount) return true
    }
    return false
  }

  const published = () => eventually(stage.unpublished, (count) => count === 0)

  return {
    ...stage,
    onDisk,
    inRows,
    published,
    startRelay: (more: object = {}) => stage.relay(stage.broker(), more),
    jetStream: async () => jetstreamManager(await stage.admin(), { checkAPI: false }),
    /** Resolves once the mark is nowhere. */
    gone: (pool = stage.pool) => eventually(async () => !await onDisk() && !await inRows(pool), Boolean, WITHIN),
    /** Resolves once no erasure is left to do. */
    erased: (pool = stage.pool) => eventually(
      async () => (await pool.query('SELECT erased_at FROM erasures')).rows,
      (rows) => rows.length > 0 && rows.every((row) => row.erased_at),
      WITHIN
    ),
    versionsOf: async (post: string) =>
      (await stage.stream()).filter(({ aggregate }) => aggregate === post).map(({ version }) => version),
    /** A post of three versions in the stream. */
    async writePost (text = MARK) {
      const post = uuidv7()
      await appendVersions(stage.pool, post, 1, 3, text)
      await published()
      return post
    }
  }
}
