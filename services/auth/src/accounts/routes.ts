import type { FastifyReply } from 'fastify'
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
import { routeOf } from '@gatepost/service-kit/route'
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
      reply.header('cache-control', 'no-store')
      if (session === null) return reply.code(202).send({ message: 'Look into your mail to confirm the address.' })
      return reply.code(201).send(session)
    }
  })
  app.route({
    ...routeOf(verifyEmail),
    async handler (request, reply) {
      await registrations.verifyEmail(request.body, originOf(request))
      return reply.code(204).send(null)
    }
  })
  app.route({
    ...routeOf(resendVerification),
    async handler (request, reply) {
      await registrations.resend(request.body.email, originOf(request))
      return accepted(reply)
    }
  })
  app.route({
    ...routeOf(changeEmail),
    async handler (request, reply) {
      await emailChanges.request(callerOf(request).account, request.body, originOf(request))
      return accepted(reply)
    }
  })
  app.route({
    ...routeOf(confirmEmailChange),
    async handler (request, reply) {
      await emailChanges.confirm(request.body.token, originOf(request))
      return reply.code(204).send(null)
    }
  })
  app.route({
    ...routeOf(getMe),
    handler (request, reply) {
      reply.header('cache-control', 'no-store')
      return userOf(callerOf(request).account)
    }
  })
  app.route({
    ...routeOf(updateMe),
    async handler (request, reply) {
      const user = await accounts.rename(callerOf(request).account, request.body.displayName, originOf(request))
      return reply.header('cache-control', 'no-store').send(user)
    }
  })
  app.route({
    ...routeOf(deleteAccount),
    async handler (request, reply) {
      await accounts.delete(callerOf(request).account, request.body.password, originOf(request))
      return reply.code(204).send(null)
    }
  })
  app.route({
    ...routeOf(changePassword),
    async handler (request, reply) {
      const { account, holder } = callerOf(request)
      await passwords.change(account, holder.sessionId, request.body, originOf(request))
      return reply.code(204).send(null)
    }
  })
  app.route({
    ...routeOf(forgotPassword),
    async handler (request, reply) {
      await passwords.forgot(request.body.email, originOf(request))
      return accepted(reply)
    }
  })
  app.route({
    ...routeOf(resetPassword),
    async handler (request, reply) {
      await passwords.reset(request.body.token, request.body.newPassword, originOf(request))
      return reply.code(204).send(null)
    }
  })
}

/** 202 says nothing else, whatever becomes of the request. */
function accepted (reply: FastifyReply) {
  return reply.code(202).send()
}
