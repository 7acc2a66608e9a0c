import { environmentExample, environmentPage } from './environment.ts'
import { errorsPage } from './errors.ts'
import { eventsPage } from './events.ts'
import { frontProblems } from './front.ts'
import { scopesModule } from './scopes.ts'

/** Every file that follows from what the services declare, by its path. */
export function documents (): Record<string, string> {
  return {
    'packages/contracts/src/scope.ts': scopesModule(),
    'docs/errors.md': errorsPage(),
    'docs/events.md': eventsPage(),
    'docs/environment.md': environmentPage(),
    '.env.example': environmentExample(),
    ...frontProblems()
  }
}
