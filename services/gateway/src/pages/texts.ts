import type { ProblemCode } from '@gatepost/contracts/problems'

/** What a page says; its form and its fields follow from the operation. */
export interface PageTexts {
  title: string
  /** Above the form. */
  lead: string
  button: string
  /** Once it is done. */
  done: string
  /** Members that the operation can do without and this page asks for. */
  asksFor?: readonly string[]
  /** What helps against a refusal, as HTML. */
  help?: Partial<Record<ProblemCode, string>>
}

const MAIL_SENT = 'If the address is one that we know, a mail is on its way. It may take a few minutes.'
const RESEND = '<a href="/resend-verification">Ask for the mail again</a>'

/** By the path of the page. */
export const pageTexts: Record<string, PageTexts> = {
  '/verify-email': {
    title: 'Confirm your e-mail address',
    lead: 'Confirm that this is your e-mail address.',
    button: 'Confirm',
    done: 'Your e-mail address is confirmed. You can close this page.',
    help: { AUTH_INVALID_EMAIL_TOKEN: RESEND }
  },
  '/confirm-registration': {
    title: 'Confirm your registration',
    lead: 'Enter the password of your registration. Your account begins then.',
    button: 'Confirm',
    done: 'Your account has begun. Go back to the application and log in.',
    asksFor: ['password'],
    help: { AUTH_INVALID_EMAIL_TOKEN: RESEND }
  },
  '/confirm-email-change': {
    title: 'Confirm your new e-mail address',
    lead: 'Your account has this e-mail address when you confirm it.',
    button: 'Confirm',
    done: 'Your e-mail address is changed. Use the new one at your next login.',
    help: { AUTH_INVALID_EMAIL_TOKEN: 'Log in with your present address, and ask for the change again.' }
  },
  '/reset-password': {
    title: 'Choose a new password',
    lead: 'Choose a password of at least 8 characters. All your sessions end.',
    button: 'Set the password',
    done: 'Your password is set. Go back to the application and log in.',
    help: { AUTH_INVALID_EMAIL_TOKEN: '<a href="/forgot-password">Ask for another link</a>' }
  },
  '/forgot-password': {
    title: 'Ask for a new password',
    lead: 'We send a link to your e-mail address with which you can choose a new password.',
    button: 'Send the mail',
    done: MAIL_SENT
  },
  '/resend-verification': {
    title: 'Ask for the confirmation mail again',
    lead: 'We send the link that confirms your e-mail address once more.',
    button: 'Send the mail',
    done: MAIL_SENT
  }
}

export interface FieldTexts {
  label: string
  type: 'text' | 'password' | 'email'
  autocomplete: string
  /** What to do when the operation cannot take it. */
  fault: string
}

const TOKEN = 'The code is missing or cannot be used. Open the link of the mail again, or copy the whole code.'

/** By the member of the operation's body. */
export const fieldTexts: Record<string, FieldTexts> = {
  token: { label: 'The code of the mail', type: 'text', autocomplete: 'one-time-code', fault: TOKEN },
  email: {
    label: 'Your e-mail address',
    type: 'email',
    autocomplete: 'email',
    fault: 'Enter your e-mail address, such as name@example.org.'
  },
  password: {
    label: 'The password of your registration',
    type: 'password',
    autocomplete: 'current-password',
    fault: 'Enter the password of your registration.'
  },
  newPassword: {
    label: 'Your new password',
    type: 'password',
    autocomplete: 'new-password',
    fault: 'Choose a password of at least 8 characters and at most 1,024, without line breaks.'
  }
}

export const UNKNOWN_FIELD = 'The form has a field that this page does not know. Open the page again.'

/** In place of sentences that speak to programs. */
export const refusalTexts: Partial<Record<ProblemCode, string>> = {
  REQUEST_INVALID: 'Something in the form is missing or cannot be used.',
  REQUEST_MALFORMED: 'The form could not be read. Open the page again.',
  BODY_TOO_LARGE: 'The form is too long.',
  UNSUPPORTED_MEDIA_TYPE: 'The form could not be read. Open the page again.',
  FORBIDDEN: 'The form came from another site, so nothing was done. Send it from this page.'
}
