import type { PublicProfile } from '@gatepost/contracts/auth/schemas'
import type { Database } from '../database/database.ts'
import { userRepository } from './user-repository.ts'

export function createProfileService ({ database }: { database: Database }) {
  return {
    async find (id: string): Promise<PublicProfile | null> {
      const user = await userRepository.find(database.connection, id)
      return user && { id: user.id, displayName: user.displayName, createdAt: user.createdAt.toISOString() }
    }
  }
}
export type ProfileService = ReturnType<typeof createProfileService>
