import { Type } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { strict } from '../schemas.ts'
import { done, HASHING_TIMEOUT_MS } from './answers.ts'
import { EmailSchema, OpaqueTokenSchema, PasswordSchema } from './schemas.ts'

export const verifyEmail = operation({
  id: 'verifyEmail',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/verify-email',
  summary: 'Confirm your e-mail address with the token of the mail',
  auth: 'none',
  limit: 'sensitive',
  body: strict({
    token: OpaqueTokenSchema,
    password: Type.Optional({
      ...PasswordSchema,
      description: 'With REQUIRE_EMAIL_VERIFICATION: the password of the registration'
    })
  }, { title: 'VerifyEmailBody' }),
  responses: done,
  errors: ['AUTH_INVALID_EMAIL_TOKEN', 'AUTH_WRONG_PASSWORD', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const resendVerification = operation({
  id: 'resendVerification',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/resend-verification',
  summary: 'Ask for another mail that confirms your e-mail address',
  auth: 'none',
  limit: 'sensitive',
  body: strict({ email: EmailSchema }, { title: 'ResendVerificationBody' }),
  responses: { 202: { description: 'If the address waits for its confirmation, a mail is on its way' } }
})

export const changeEmail = operation({
  id: 'changeEmail',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/change-email',
  summary: 'Ask for another e-mail address; it changes when its owner confirms it',
  auth: 'user',
  scope: null,
  limit: 'sensitive',
  body: strict({ email: EmailSchema, password: PasswordSchema }, { title: 'ChangeEmailBody' }),
  responses: {
    202: { description: 'A mail with a link is on its way to the new address, unless that has an account' }
  },
  errors: ['AUTH_WRONG_PASSWORD', 'AUTH_TOO_MANY_ATTEMPTS', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const confirmEmailChange = operation({
  id: 'confirmEmailChange',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/confirm-email-change',
  summary: 'Change your e-mail address with the token of the mail',
  auth: 'none',
  limit: 'sensitive',
  body: strict({ token: OpaqueTokenSchema }, { title: 'ConfirmEmailChangeBody' }),
  responses: done,
  errors: ['AUTH_INVALID_EMAIL_TOKEN', 'AUTH_EMAIL_TAKEN']
})

export const addressOperations = [verifyEmail, resendVerification, changeEmail, confirmEmailChange]
