import { Type } from '@sinclair/typebox'

/** What one problem code means, the same wherever it is answered. */
export interface ProblemDefinition {
  status: number
  title: string
  /** What happened and what to do about it; an answer may say more. */
  detail: string
  /** Whether the same request may succeed later. */
  retry: boolean
  /** Whether the answer always says in `errors` what is wrong. */
  errors?: true
}

/** RFC 9457 with our members. */
export const ProblemSchema = Type.Object({
  type: Type.String({ description: 'A page of the documentation: /problems/<code>' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  instance: Type.String({ description: 'The path of the request' }),
  requestId: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({
    path: Type.String({ description: 'JSON Pointer into the request: /body/title' }),
    message: Type.String()
  })))
}, { title: 'Problem' })
