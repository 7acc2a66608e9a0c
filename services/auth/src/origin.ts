/** Where a request came from, for sessions, audit and events. Nothing of it was verified except the address. */
export interface Origin {
  address: string | null
  /** What failed logins are counted by. */
  network: string
  userAgent: string | null
  requestId: string
  traceparent: string
}
