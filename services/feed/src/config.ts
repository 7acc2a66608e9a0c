import { feed } from '@gatepost/contracts/feed/service'
import { serviceSettings, tokenSettings } from '@gatepost/service/settings'
import { Type, type StaticDecode } from '@sinclair/typebox'

/** The settings of the feed process; docs/environment.md is generated from them. */
export const settingsSchema = Type.Object({ ...serviceSettings(feed), ...tokenSettings }, { title: feed.name })

export type Settings = StaticDecode<typeof settingsSchema>
