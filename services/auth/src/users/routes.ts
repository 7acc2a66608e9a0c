import { getUser } from '@gatepost/contracts/auth/user-operations'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { UserNotFoundError } from '../errors.ts'
import type { ProfileService } from './profile-service.ts'

export function userRoutes (app: App, { profiles }: { profiles: ProfileService }) {
  app.route({
    ...routeOf(getUser),
    async handler (request) {
      const profile = await profiles.find(request.params.id)
      if (!profile) throw new UserNotFoundError()
      return profile
    }
  })
}
