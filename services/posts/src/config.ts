import { posts } from '@gatepost/contracts/posts/service'
import { serviceSettings, tokenSettings } from '@gatepost/service/settings'
import { Type, type StaticDecode } from '@sinclair/typebox'

/** The settings of the posts process; docs/environment.md is generated from them. */
export const settingsSchema = Type.Object({ ...serviceSettings(posts), ...tokenSettings }, { title: posts.name })

export type Settings = StaticDecode<typeof settingsSchema>
