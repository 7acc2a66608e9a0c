import {
  changePassword,
  deleteAccount,
  forgotPassword,
  getMe,
  register,
  resetPassword,
  updateMe
} from '@gatepost/contracts/auth/account-operations'
import {
  changeEmail,
  confirmEmailChange,
  resendVerification,
  verifyEmail
} from '@gatepost/contracts/auth/address-operations'
import { routeOf, withoutBody } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { callerOf, originOf } from '../caller.ts'
import { userOf } from '../users/account.ts'
import type { AccountService } from './account-service.ts'
import type { EmailChangeService } from './email-change-service.ts'
import type { PasswordService } from './password-service.ts'
import type { RegistrationService } from './registration-service.ts'

export interface AccountServices {
  registrations: RegistrationService
  accounts: AccountService
  emailChanges: EmailChangeService
  passwords: PasswordService
}

export function accountRoutes (app: App, { registrations, accounts, emailChanges, passwords }: AccountServices) {
  app.route({
    ...routeOf(register),
    async handler (request, reply) {
      const session = await registrations.register(request.body, originOf(request))
      if (session === null) return reply.code(202).send({ message: 'Confirm the address with the link in the mail.' })
      return reply.code(201).send(session)
    }
  })
  app.route({
    ...routeOf(verifyEmail),
    handler: withoutBody((request) => registrations.verifyEmail(request.body, originOf(request)))
  })
  app.route({
    ...routeOf(resendVerification),
    handler: withoutBody((request) => registrations.resend(request.body.email, originOf(request)))
  })
  app.route({
    ...routeOf(changeEmail),
    handler: withoutBody((request) => emailChanges.request(callerOf(request).account, request.body, originOf(request)))
  })
  app.route({
    ...routeOf(confirmEmailChange),
    handler: withoutBody((request) => emailChanges.confirm(request.body.token, originOf(request)))
  })
  app.route({
    ...routeOf(getMe),
    handler: (request) => userOf(callerOf(request).account)
  })
  app.route({
    ...routeOf(updateMe),
    handler: (request) => accounts.update(callerOf(request).account, request.body, originOf(request))
  })
  app.route({
    ...routeOf(deleteAccount),
    handler: withoutBody((request) =>
      accounts.delete(callerOf(request).account, request.body.password, originOf(request))
    )
  })
  app.route({
    ...routeOf(changePassword),
    handler: withoutBody((request) => {
      const { account, holder } = callerOf(request)
      return passwords.change(account, holder.sessionId, request.body, originOf(request))
    })
  })
  app.route({
    ...routeOf(forgotPassword),
    handler: withoutBody((request) => passwords.forgot(request.body.email, originOf(request)))
  })
  app.route({
    ...routeOf(resetPassword),
    handler: withoutBody((request) => passwords.reset(request.body.token, request.body.newPassword, originOf(request)))
  })
}
