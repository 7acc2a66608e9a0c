import type { ServiceDefinition } from '@gatepost/contracts/service'
import { type Process, run } from '@gatepost/service-kit/run'
import type { TObject } from '@sinclair/typebox'
import { knownSettings } from './settings.ts'

/** Runs a service as a process, from its settings to its last request; see `run` of service-kit. */
export async function runService<Schema extends TObject> (
  service: Pick<ServiceDefinition, 'name'> & { prefix: string },
  { settings, env, load }: Pick<Process<Schema>, 'settings' | 'env' | 'load'>
): Promise<void> {
  await run({
    name: service.name,
    settings,
    env,
    load,
    ports (values) {
      const { port, opsPort } = knownSettings(service, values as object)
      return { main: port, operations: opsPort }
    }
  })
}
