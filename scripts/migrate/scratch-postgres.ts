import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseOwners } from '@gatepost/contracts/declarations'
import { freePorts } from '@gatepost/local-stack/ports'
import { type PostgresServer, startPostgres } from '@gatepost/local-stack/postgres'

/** Runs `work` against an empty PostgreSQL that is thrown away afterwards. */
export async function withScratchPostgres<T> (work: (server: PostgresServer) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-postgres-'))
  await chmod(folder, 0o711)
  const [port] = await freePorts(1)
  const services = databaseOwners.map(({ database }) => database)
  const server = await startPostgres({ port: port!, dataDir: folder, services, unsafeButFast: true })
  try {
    return await work(server)
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
