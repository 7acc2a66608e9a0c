import { environmentExample, environmentPage } from './environment.ts'
import { errorsPage } from './errors.ts'
import { eventsPage } from './events.ts'

/** Every generated document of the repository by its path. */
export function documents (): Record<string, string> {
  return {
    'docs/errors.md': errorsPage(),
    'docs/events.md': eventsPage(),
    'docs/environment.md': environmentPage(),
    '.env.example': environmentExample()
  }
}
