import { errors } from 'undici'

/**
 * The fault of an unsent call: `local`, this process lacks a descriptor, port or buffer, so nothing about the
 * instance; `refused`, no connection came about; `broken`, somebody was there and broke off.
 */
export type Fault = 'local' | 'refused' | 'broken'

const LOCAL = /^(?:EMFILE|ENFILE|EADDRNOTAVAIL|ENOBUFS|ENOMEM)$/
const BROKE_OFF = /^(?:UND_ERR_SOCKET|ECONNRESET|EPIPE)$/

export function faultOf (error: Error & { code?: string }): Fault {
  const code = error.code ?? ''
  if (LOCAL.test(code)) return 'local'
  return error instanceof errors.HTTPParserError || BROKE_OFF.test(code) ? 'broken' : 'refused'
}
