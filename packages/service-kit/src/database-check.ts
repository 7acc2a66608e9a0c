import { UnfitDatabaseError } from './database-fitness.ts'
import type { Check } from './health.ts'

/** `/ready`'s check of the database. */
export function databaseCheck (database: { ping (): Promise<void> }): Check {
  return {
    name: 'postgres',
    async check () {
      try {
        await database.ping()
        return { status: 'up' }
      } catch (error) {
        if (error instanceof UnfitDatabaseError) return { status: 'down', detail: error.message }
        throw error
      }
    }
  }
}
