import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { startChild } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { startPostgres } from '@gatepost/local-stack/postgres'
import { startBroker } from '@gatepost/testing/broker'
import { ISSUER, startTokenIssuer } from '@gatepost/testing/token-issuer'
import { deploy } from '../../../scripts/migrate/deploy.ts'
import type { Ground } from '../lab/ground.ts'

/** Services as processes on a PostgreSQL and a broker of their own: the tables are filled by hand. */
export async function startServices<Name extends ServiceName> (ground: Ground, services: readonly Name[]) {
  const dataDir = await ground.folder()
  const [postgresPort, ...ports] = await freePorts(1 + 2 * services.length) as [number, ...number[]]
  const postgres = await startPostgres({ port: postgresPort, dataDir, services })
  ground.onEnd(() => postgres.stop())
  const broker = await startBroker()
  ground.onEnd(() => broker.stop())
  const issuer = await startTokenIssuer()
  ground.onEnd(() => issuer.stop())
  const urls = {} as Record<Name, string>
  for (const [index, service] of services.entries()) {
    await deploy(service, postgres.ownerUrl(service))
    const upper = service.toUpperCase()
    const child = startChild(process.execPath, [
      fileURLToPath(new URL(`../../../services/${service}/src/server.ts`, import.meta.url))
    ], {
      name: service,
      env: {
        [`${upper}_PORT`]: String(ports[2 * index]),
        [`${upper}_OPS_PORT`]: String(ports[2 * index + 1]),
        [`${upper}_DATABASE_URL`]: postgres.serviceUrl(service),
        AUTH_URL: issuer.url,
        PUBLIC_URL: ISSUER,
        NATS_URL: broker.urlOf(service),
        LOG_LEVEL: 'fatal',
        MAIL_DIR: join(dataDir, 'mail'),
        TOKEN_SECRET: 'a secret of a measurement, of no worth to anybody'
      }
    })
    ground.onEnd(() => child.stop())
    urls[service] = `http://127.0.0.1:${ports[2 * index]}`
    await waitUntilReady(urls[service])
  }
  return { urls, issuer, token: issuer.token(), ownerUrl: (service: Name) => postgres.ownerUrl(service) }
}

async function waitUntilReady (url: string) {
  for (const deadline = Date.now() + 30_000; ; await sleep(100)) {
    const answer = await fetch(`${url}/ready`).catch(() => undefined)
    if (answer?.ok && (await answer.json() as { status: string }).status === 'up') return
    if (Date.now() > deadline) throw new Error(`${url} is not ready`)
  }
}
