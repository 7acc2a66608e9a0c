import { Type } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { LanguageSchema, NewDisplayNameSchema, nullable, strict } from '../schemas.ts'
import { done, HASHING_TIMEOUT_MS, noStore } from './answers.ts'
import { EmailSchema, OpaqueTokenSchema, PasswordSchema, SessionSchema, UserSchema } from './schemas.ts'

export const register = operation({
  id: 'register',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/register',
  summary: 'Create an account and a first session',
  auth: 'none',
  limit: 'sensitive',
  body: strict({
    email: EmailSchema,
    password: PasswordSchema,
    displayName: NewDisplayNameSchema,
    language: Type.Optional(LanguageSchema)
  }, { title: 'RegisterBody' }),
  responses: {
    201: { description: 'The account and its first session', schema: SessionSchema, headers: noStore },
    202: {
      description: 'With REQUIRE_EMAIL_VERIFICATION: look into your mail',
      schema: Type.Object({ message: Type.String() }, { title: 'Accepted' })
    }
  },
  errors: ['AUTH_EMAIL_TAKEN', 'AUTH_WEAK_PASSWORD', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const getMe = operation({
  id: 'getMe',
  service: 'auth',
  method: 'GET',
  url: '/api/auth/me',
  summary: 'Read your own account',
  auth: 'user',
  limit: 'default',
  responses: { 200: { description: 'You', schema: UserSchema, headers: noStore } }
})

export const updateMe = operation({
  id: 'updateMe',
  service: 'auth',
  method: 'PATCH',
  url: '/api/auth/me',
  summary: 'Change your display name, or the language of your mails',
  auth: 'user',
  limit: 'default',
  body: strict({
    displayName: Type.Optional(NewDisplayNameSchema),
    language: Type.Optional(nullable(LanguageSchema))
  }, { title: 'UpdateMeBody', minProperties: 1 }),
  responses: { 200: { description: 'You, changed', schema: UserSchema, headers: noStore } }
})

export const deleteAccount = operation({
  id: 'deleteAccount',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/delete-account',
  summary: 'Delete your account, its sessions and posts',
  auth: 'user',
  scope: null,
  limit: 'sensitive',
  body: strict({ password: PasswordSchema }, { title: 'DeleteAccountBody' }),
  responses: done,
  errors: ['AUTH_WRONG_PASSWORD', 'AUTH_TOO_MANY_ATTEMPTS', 'AUTH_LAST_ADMIN', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const changePassword = operation({
  id: 'changePassword',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/change-password',
  summary: 'Change your password and end all other sessions',
  auth: 'user',
  scope: null,
  limit: 'sensitive',
  body: strict({ currentPassword: PasswordSchema, newPassword: PasswordSchema }, { title: 'ChangePasswordBody' }),
  responses: done,
  errors: ['AUTH_WRONG_PASSWORD', 'AUTH_WEAK_PASSWORD', 'AUTH_TOO_MANY_ATTEMPTS', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const forgotPassword = operation({
  id: 'forgotPassword',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/forgot-password',
  summary: 'Ask for a mail that lets you choose a new password',
  auth: 'none',
  limit: 'sensitive',
  body: strict({ email: EmailSchema }, { title: 'ForgotPasswordBody' }),
  responses: { 202: { description: 'If there is such an account, a mail is on its way' } }
})

export const resetPassword = operation({
  id: 'resetPassword',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/reset-password',
  summary: 'Choose a new password with the token of the mail; ends all sessions',
  auth: 'none',
  limit: 'sensitive',
  body: strict({ token: OpaqueTokenSchema, newPassword: PasswordSchema }, { title: 'ResetPasswordBody' }),
  responses: done,
  errors: ['AUTH_INVALID_EMAIL_TOKEN', 'AUTH_WEAK_PASSWORD', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const accountOperations = [
  register,
  getMe,
  updateMe,
  deleteAccount,
  changePassword,
  forgotPassword,
  resetPassword
]
