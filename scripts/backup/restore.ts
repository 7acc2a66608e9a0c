import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { outboxOwners } from '@gatepost/contracts/declarations'
import { connectOperator, type Operator, orMissing } from '@gatepost/events/operator'
import { provision, STREAMS, streamSettingsFrom } from '@gatepost/events/provision'
import { reconcileRestored } from '@gatepost/events/restoration'
import { restoreStream, type StreamCopy } from '@gatepost/events/stream-copy'
import { sqlOfPool } from '@gatepost/service-kit/sql'
import { deploy } from '../migrate/deploy.ts'
import { type Entry, readArchive } from './archive.ts'
import { VERSION } from './create.ts'
import {
  type Client,
  type DatabaseHeader,
  emptyDatabase,
  filledTables,
  fillTable,
  migrationsOf,
  othersConnected,
  setSequences,
  type TableHeader
} from './database-copy.ts'
import { type Env, IN_ORDER, natsFault, placeOf } from './place.ts'
import { passphraseFrom, type Secrets, unseal } from './secrets.ts'

const progress = (line: string) => { process.stderr.write(`${line}\n`) }

/** Reads the whole file once, so that a damaged one is refused before anything is touched. */
async function outlineOf (file: string) {
  const databases = new Map<string, DatabaseHeader>()
  let secrets: Buffer | undefined
  let version: unknown
  for await (const { header, chunks } of readArchive(file)) {
    if (header.kind === 'gatepost-backup') version = header.version
    if (version !== VERSION) throw new Error(`${file} is no backup that this release reads`)
    if (header.kind === 'database') databases.set(header.database as string, header as unknown as DatabaseHeader)
    if (header.kind === 'secrets') secrets = await buffer(Readable.from(chunks))
  }
  return { databases, sealed: secrets! }
}

/** The secrets in a backup. */
export async function secretsIn (file: string, env: Env): Promise<Secrets> {
  return unseal((await outlineOf(file)).sealed, passphraseFrom(env))
}

/** Makes databases and streams what they were when the backup was made; what they lacked then comes by itself. */
export async function restoreBackup (file: string, env: Env, { replace }: { replace: boolean }): Promise<void> {
  const place = placeOf(env)
  const { databases, sealed } = await outlineOf(file)
  const secrets = unseal(sealed, passphraseFrom(env))
  const stopServers = await place.startServers()
  const clients = new Map<string, Client>()
  try {
    const operator = await connectOperator(await place.natsUrl()).catch(natsFault)
    try {
      for (const service of IN_ORDER) {
        await deploy(service.name, await place.ownerUrl(service))
        clients.set(service.name, await place.owner(service))
      }
      await refuseUnfit({ operator, clients, databases, replace })
      await place.keepSecrets(secrets)
      for await (const entry of readArchive(file)) await restoreEntry(entry, { operator, clients, env })
      await finish({ operator, clients, env, url: await place.natsUrl() })
    } finally {
      await operator.close()
    }
  } finally {
    for (const client of clients.values()) await client.end()
    await stopServers()
  }
}

interface Target {
  operator: Operator
  clients: ReadonlyMap<string, Client>
}

async function refuseUnfit (
  { operator, clients, databases, replace }: Target & {
    databases: ReadonlyMap<string, DatabaseHeader>
    replace: boolean
  }
) {
  const filled: string[] = []
  for (const [name, client] of clients) {
    const others = await othersConnected(client)
    if (others.length > 0) throw new Error(`${others.join(', ')} is connected to the database ${name}: stop it first`)
    const [theirs = [], ours] = [databases.get(name)?.migrations, await migrationsOf(client)]
    const unknown = theirs.find((migration) => !ours.includes(migration))
    if (unknown) throw new Error(`the backup is of a newer release: this one has no migration ${unknown} of ${name}`)
    const later = ours.find((migration) => !theirs.includes(migration))
    if (later) {
      throw new Error(`the backup is of an older release, before ${later} of ${name}: restore with that, then update`)
    }
    filled.push(...(await filledTables(client)).map((table) => `${name}.${table}`))
  }
  for (const name of STREAMS) {
    const stream = await orMissing(operator.jsm.streams.info(name))
    if (stream && stream.state.messages > 0) filled.push(`stream ${name}`)
  }
  if (filled.length > 0 && !replace) {
    throw new Error(`there is data, in ${filled.slice(0, 3).join(', ')} …: --replace would lose it`)
  }
}

async function restoreEntry ({ header, chunks }: Entry, { operator, clients, env }: Target & { env: Env }) {
  if (header.kind === 'stream') {
    const copy = { ...header, chunks } as unknown as StreamCopy
    progress(`stream ${copy.name} …`)
    await orMissing(operator.jsm.streams.delete(copy.name))
    const copies = operator.nc.info?.cluster ? copy.config.num_replicas : 1
    await restoreStream(operator, copy, { replicas: streamSettingsFrom(env).replicas ?? copies })
  } else if (header.kind === 'database') {
    progress(`database ${String(header.database)} …`)
    const client = clients.get(header.database as string)!
    await emptyDatabase(client)
    await setSequences(client, header as unknown as DatabaseHeader)
  } else if (header.kind === 'table') {
    await fillTable(clients.get(header.database as string)!, header as unknown as TableHeader, chunks)
  }
}

/** Commits, and makes what was copied at different moments fit. */
async function finish ({ operator, clients, env, url }: Target & { env: Env, url: string }) {
  for (const client of clients.values()) await client.query('COMMIT')
  await provision({ servers: url, ...streamSettingsFrom(env) })
  let missing = 0
  for (const { name } of outboxOwners) {
    missing += (await reconcileRestored(operator, sqlOfPool(clients.get(name)!), name)).missing
  }
  progress(`restored; ${missing} events are published again once the services run. Then ask \`pnpm events audit\``)
}
