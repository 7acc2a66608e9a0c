import type { TObject } from '@sinclair/typebox'
import { declarations } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'

/** What each process reads of its environment. */
export const settingsSchemas = Object.fromEntries(await Promise.all(declarations.map(async ({ name }) => {
  const { settingsSchema } = await import(`../services/${name}/src/config.ts`) as { settingsSchema: TObject }
  return [name, settingsSchema] as const
}))) as Record<ServiceName, TObject>

const names = new Set(Object.values(settingsSchemas).flatMap(({ properties }) => Object.keys(properties)))

/** Whether one of our processes, or `pnpm start` for them, reads this variable. */
export function isSetting (name: string): boolean {
  return names.has(name) || /_(MIGRATION_DATABASE|NATS)_URL$/.test(name)
}
