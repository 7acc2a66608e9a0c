/** How to call an operation. */
export interface OperationCall {
  method: string
  /** `/api/posts/:id` */
  path: string
  /** Who may call: anybody, a user, an administrator, or who the service says. */
  auth: 'none' | 'optional' | 'user' | 'admin'
  /** The statuses that are answers; any other one is a problem. */
  answers: number[]
  /** The gateway gives up after this many milliseconds. */
  timeoutMs: number
  /** Its body is a form's. */
  form?: true
  /** It takes an Idempotency-Key. */
  keyed?: true
  /** It answers pages, with a cursor to the next. */
  paged?: true
  /** An answer begins or continues a session. */
  session?: true
}
