interface SmtpError {
  code?: string
  responseCode?: number
  command?: string
}

/** Commands whose refusal is about this mail and no other. */
const OF_THE_MAIL = /^(RCPT TO|DATA)/i
const PERMANENT = 500

/**
 * Why a mail was not sent, without its text, which repeats the address; `permanent` when the server will not take it
 * later either.
 */
export function mailFailureOf (error: unknown) {
  const { code = 'unknown', responseCode, command } = error as SmtpError
  return {
    summary: [code, responseCode, command].filter((part) => part !== undefined).join(' '),
    permanent: responseCode !== undefined && responseCode >= PERMANENT && OF_THE_MAIL.test(command ?? '')
  }
}
