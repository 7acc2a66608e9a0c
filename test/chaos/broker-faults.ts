import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ACCOUNTS_FILE } from '@gatepost/local-stack/nats'
import { connect } from '@nats-io/transport-node'
import type { WholeSystem } from './whole-system.ts'

/** A setting of an earlier release: longer than ours. */
const OLD_ACK_WAIT = 3_000_000_000

/** Deletes a durable consumer; its service makes it again. */
export async function loseDurable (durable: string, whole: WholeSystem) {
  await onServer(whole, async (ask) => { await ask(`DELETE.EVENTS.${durable}`) })
  return `durable ${durable} lost`
}

/** Gives a consumer every event again, as `events replay` does, with an old setting that provisioning must mend. */
export async function rewindDurable (durable: string, whole: WholeSystem) {
  await onServer(whole, async (ask) => {
    const { config: wanted } = await ask(`INFO.EVENTS.${durable}`)
    await ask(`DELETE.EVENTS.${durable}`)
    // Its service may have made it again meanwhile, which begins at the same event or later.
    await ask(`DURABLE.CREATE.EVENTS.${durable}`, {
      stream_name: 'EVENTS',
      config: { ...wanted, ack_wait: OLD_ACK_WAIT, deliver_policy: 'by_start_sequence', opt_start_seq: 1 }
    })
    await whole.provision()
    const { config } = await ask(`INFO.EVENTS.${durable}`)
    if (config.ack_wait !== wanted.ack_wait) throw new Error(`provisioning left ${durable} with an old setting`)
  })
  return `durable ${durable} rewound to the first event, and provisioned`
}

/** Takes the permission to publish a subject from its service for a while, as accounts of an earlier release do. */
export async function forbidSubject (subject: string, milliseconds: number, { dataDir }: WholeSystem) {
  const file = join(dataDir, 'nats', ACCOUNTS_FILE)
  const accounts = await readFile(file, 'utf8')
  const narrower = accounts.replaceAll(`"${subject}",`, '')
  if (narrower === accounts) throw new Error(`${file} permits ${subject} to nobody`)
  const write = async (text: string) => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file) // the server never reads a part
  }
  await write(narrower)
  await sleep(milliseconds)
  await write(accounts)
  return `${subject} forbidden for ${milliseconds} ms`
}

type Ask = (call: string, body?: object) => Promise<any>

async function onServer ({ system }: WholeSystem, work: (ask: Ask) => Promise<void>) {
  const { host, username: user, password: pass } = new URL(system.brokerUrl('provisioner'))
  const nc = await connect({ servers: host, user, pass, inboxPrefix: '_INBOX_provisioner' })
  try {
    await work(async (call, body) => (await nc.request(`$JS.API.CONSUMER.${call}`, JSON.stringify(body))).json())
  } finally {
    await nc.close()
  }
}
