/** Where a request came from, for sessions, audit and events. Only the address is verified. */
export interface Origin {
  address: string | null
  /** The network whose failed logins are counted together. */
  network: string
  userAgent: string | null
  requestId: string
  traceparent: string
}
