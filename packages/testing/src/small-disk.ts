import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { testServers } from './servers.ts'

const exec = promisify(execFile)

/** A disk of a few megabytes that databases of the run's PostgreSQL can be on. */
export interface SmallDisk {
  /** For `createDatabase`. */
  tablespace: string
  /** Fills the disk. */
  fill (): Promise<void>
  /** Frees the space again. */
  free (): Promise<void>
  /** Unmounts the disk; its databases have to be dropped before. */
  stop (): Promise<void>
}

/** Mounts a disk in memory. Where mounting is forbidden it prints why, and resolves with undefined. */
export async function mountSmallDisk (megabytes: number): Promise<SmallDisk | undefined> {
  const { postgresPort, credentials } = testServers()
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-disk-'))
  const administrator = new pg.Client({
    connectionString: `postgresql://postgres:${credentials.postgres}@127.0.0.1:${postgresPort}/postgres`
  })
  await administrator.connect()
  try {
    const { rows: [{ cluster }] } = await administrator.query("SELECT current_setting('data_directory') AS cluster")
    const { uid, gid } = await stat(cluster)
    await exec('mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${megabytes}m,mode=0700,uid=${uid},gid=${gid}`,
      'gatepost-test',
      folder
    ])
  } catch (error) {
    process.stdout
      .write(`no disk to fill can be mounted here, so nothing is tested with one: ${(error as Error).message.trim()}\n`)
    await administrator.end()
    await rm(folder, { recursive: true })
    return undefined
  }
  const tablespace = `disk_${randomBytes(6).toString('hex')}`
  await administrator.query(`CREATE TABLESPACE ${tablespace} LOCATION '${folder}'`)
  const filler = join(folder, 'filler')
  return {
    tablespace,
    async fill () {
      const file = await open(filler, 'a')
      try {
        for (;;) await file.write(Buffer.alloc(4_096))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        await file.close()
      }
    },
    free: () => rm(filler),
    async stop () {
      await administrator.query(`DROP TABLESPACE ${tablespace}`)
      await administrator.end()
      await exec('umount', [folder])
      await rm(folder, { recursive: true })
    }
  }
}
