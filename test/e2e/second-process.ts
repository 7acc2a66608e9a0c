import { fileURLToPath } from 'node:url'
import { freePorts } from '@gatepost/local-stack/ports'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { startService, waitUntilReady } from '@gatepost/local-stack/services'
import type { System } from '@gatepost/testing/system'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** One more process of a service beside those of a running system, with settings of its own. */
export async function prepareSecond (
  system: System,
  service: ServiceName,
  { env = {}, natsPort = system.ports.nats }: { env?: Record<string, string>, natsPort?: number } = {}
) {
  const [port, opsPort] = await freePorts(2) as [number, number]
  const natsUrl = new URL(system.brokerUrl(service))
  natsUrl.port = String(natsPort)
  const settings = {
    databaseUrl: service === 'gateway' ? undefined : system.databaseUrl(service as 'auth'),
    natsUrl: natsUrl.href.replace(/\/$/, ''),
    tokenSecret: await system.tokenSecret(),
    dataDir: system.dataDir
  }
  const launch = () => startService({
    service,
    root,
    ports: { ...system.ports, [service]: port, [`${service}Ops`]: opsPort },
    env: { PATH: process.env.PATH, PUBLIC_URL: system.gatewayUrl, ...env },
    settings,
    onOutput: (text) => { second.output += text }
  })
  let child: ReturnType<typeof launch> | undefined
  const second = {
    url: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    output: '',
    start () { child = launch() },
    ready: () => waitUntilReady(service, port),
    async kill () {
      child?.signal('SIGKILL')
      await child?.ended
    }
  }
  return second
}
export type SecondProcess = Awaited<ReturnType<typeof prepareSecond>>
