/** Who asks, as their token says, and the trace that the request is a part of. */
export interface Caller {
  userId: string
  role: 'user' | 'admin'
  traceparent: string
}
