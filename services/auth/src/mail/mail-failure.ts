interface SmtpError {
  code?: string
  responseCode?: number
  command?: string
}

/** Commands whose refusal concerns this mail alone. */
const OF_THE_MAIL = /^(RCPT TO|DATA)/i
const PERMANENT = 500

/**
 * The cause of a failure, without the server's text, which repeats the address. It is `permanent` when the server will
 * never take the mail.
 */
export function mailFailureOf (error: unknown) {
  const { code = 'unknown', responseCode, command } = error as SmtpError
  return {
    summary: [code, responseCode, command].filter((part) => part !== undefined).join(' '),
    permanent: responseCode !== undefined && responseCode >= PERMANENT && OF_THE_MAIL.test(command ?? '')
  }
}
