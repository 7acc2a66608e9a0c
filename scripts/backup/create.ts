import { connectOperator, orMissing } from '@gatepost/events/operator'
import { copyStream } from '@gatepost/events/stream-copy'
import { STREAMS } from '@gatepost/events/provision'
import { type Entry, writeArchive } from './archive.ts'
import { copyDatabase } from './database-copy.ts'
import { type Env, IN_ORDER, natsFault, placeOf } from './place.ts'
import { passphraseFrom, seal } from './secrets.ts'

/** Raised when a reader of an older release would misread a file. */
export const VERSION = 1

const progress = (line: string) => { process.stderr.write(`${line}\n`) }

/**
 * Copies everything, while it is used, in the order in which events flow against: the stream first, then who consumes,
 * then who publishes. So nothing that a copy holds is unknown to those after it, and what the earlier ones lack is
 * published or applied again.
 */
export async function createBackup (file: string, env: Env, { replace }: { replace: boolean }): Promise<void> {
  const place = placeOf(env)
  const passphrase = passphraseFrom(env)
  await writeArchive(file, entries(), { replace })
  progress(file === '-' ? 'done' : `${file} has everything`)

  async function * entries (): AsyncGenerator<Entry> {
    yield { header: { kind: 'gatepost-backup', version: VERSION, at: new Date().toISOString() }, chunks: [] }
    yield { header: { kind: 'secrets' }, chunks: [seal(await place.secrets(), passphrase)] }
    yield * streams(await place.natsUrl())
    for (const service of IN_ORDER) {
      progress(`database ${service.name} …`)
      const client = await place.owner(service)
      try {
        yield * copyDatabase(client, service.name)
      } finally {
        await client.end()
      }
    }
  }
}

async function * streams (url: string): AsyncGenerator<Entry> {
  const operator = await connectOperator(url).catch(natsFault)
  try {
    for (const name of STREAMS) {
      if (!await orMissing(operator.jsm.streams.info(name))) continue
      progress(`stream ${name} …`)
      const { config, state, chunks } = await copyStream(operator, name)
      yield { header: { kind: 'stream', name, config, state }, chunks }
    }
  } finally {
    await operator.close()
  }
}
