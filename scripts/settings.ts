import type { TObject } from '@sinclair/typebox'
import { settingsSchema as auth } from '../services/auth/src/config.ts'
import { settingsSchema as feed } from '../services/feed/src/config.ts'
import { settingsSchema as gateway } from '../services/gateway/src/config.ts'
import { settingsSchema as posts } from '../services/posts/src/config.ts'

/** What each process reads of its environment. */
export const settingsSchemas = { gateway, auth, posts, feed } satisfies Record<string, TObject>

const names = new Set(Object.values(settingsSchemas).flatMap(({ properties }) => Object.keys(properties)))

/** Whether one of our processes, or `pnpm start` for them, reads this variable. */
export function isSetting (name: string): boolean {
  return names.has(name) || /_(MIGRATION_DATABASE|NATS)_URL$/.test(name)
}
