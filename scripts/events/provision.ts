import { provision, streamSettingsFrom, UnsafeStreamError } from '@gatepost/events/provision'
import type { EventsContext } from './context.ts'

/** With --check it changes nothing, and is false when something would be changed. */
export async function provisionCommand ({ args, env, natsUrl, print }: EventsContext): Promise<boolean> {
  try {
    const { changes } = await provision({
      servers: await natsUrl(),
      check: args.check,
      ...streamSettingsFrom(env)
    })
    print(
      { changes, checked: args.check },
      changes.length === 0 ? 'streams and consumers are as the contracts say' : changes.join('\n')
    )
    return !args.check || changes.length === 0
  } catch (error) {
    if (!(error instanceof UnsafeStreamError)) throw error
    print({ unsafe: error.message.split('\n') }, error.message)
    return false
  }
}
