import { Type, type TProperties, type TSchema } from '@sinclair/typebox'
import { forgotPassword, resetPassword } from '../auth/account-operations.ts'
import { confirmEmailChange, resendVerification, verifyEmail } from '../auth/address-operations.ts'
import { OpaqueTokenSchema } from '../auth/schemas.ts'
import { operation, type Operation, type Responses } from '../operation.ts'

type OperationOf<Code extends string> = Operation<TProperties, TProperties, TProperties, TSchema, Responses, Code>
type PageCode = 'FORBIDDEN' | 'UPSTREAM_BROKEN' | 'UPSTREAM_UNAVAILABLE' | 'UPSTREAM_TIMEOUT'

/** A page with a form: what shows it, what its form is sent to, and the operation of auth that does the work. */
export interface FormPage<Code extends string = string> {
  show: OperationOf<never>
  submit: OperationOf<Code | PageCode>
  action: OperationOf<Code>
}

/** A form has the members of the action's body. A link of a mail brings its token in the query. */
function formPage<Code extends string> (
  name: string,
  url: string,
  summary: string,
  given: { errors: readonly Code[] }
): FormPage<Code> {
  const action = given as OperationOf<Code>
  const shared = { service: 'gateway', url, auth: 'none' } as const
  const query: TProperties = 'token' in action.body!.properties ? { token: Type.Optional(OpaqueTokenSchema) } : {}
  const html = (description: string) => ({ description, contentType: 'text/html', schema: Type.String() })
  const shown = operation({
    ...shared,
    id: `show${name}`,
    method: 'GET',
    summary: `${summary}: the page that works without JavaScript`,
    limit: 'default',
    query,
    responses: { 200: html('A page with a form; showing it changes nothing') }
  })
  // Programs that send mails on add parameters of their own to links.
  const show = { ...shown, query: Type.Object(query) }
  const submit = operation({
    ...shared,
    id: `submit${name}`,
    method: 'POST',
    summary: `${summary}: what the page’s form is sent to`,
    limit: action.limit,
    body: action.body,
    bodyType: 'application/x-www-form-urlencoded',
    errors: [...action.errors, 'FORBIDDEN', 'UPSTREAM_BROKEN', 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT'],
    responses: { 200: html('A page that says that it is done; refusals are pages too where HTML is asked for') },
    timeoutMs: action.timeoutMs
  })
  return { show: show as unknown as OperationOf<never>, submit: submit as unknown as OperationOf<Code>, action }
}

/** Where the links of mails lead when there is no web application (MAIL_LINK_URL). */
export const formPages = [
  formPage('VerifyEmail', '/verify-email', 'Confirm your e-mail address', verifyEmail),
  formPage('ConfirmRegistration', '/confirm-registration', 'Confirm your registration', verifyEmail),
  formPage('ConfirmEmailChange', '/confirm-email-change', 'Confirm your new e-mail address', confirmEmailChange),
  formPage('ResetPassword', '/reset-password', 'Choose a new password', resetPassword),
  formPage('ForgotPassword', '/forgot-password', 'Ask for a new password', forgotPassword),
  formPage('ResendVerification', '/resend-verification', 'Ask for the confirmation mail again', resendVerification)
]

export const pageOperations = formPages.flatMap(({ show, submit }) => [show, submit])
