import type { TObject } from '@sinclair/typebox'
import { settingsSchema as auth } from '../services/auth/src/config.ts'
import { settingsSchema as feed } from '../services/feed/src/config.ts'
import { settingsSchema as gateway } from '../services/gateway/src/config.ts'
import { settingsSchema as posts } from '../services/posts/src/config.ts'

/** What each process reads of its environment. */
export const settingsSchemas = { gateway, auth, posts, feed } satisfies Record<string, TObject>
