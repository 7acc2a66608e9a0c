/** The schema of a post, for peers that validate bodies. */
export const postBody = {
  type: 'object',
  additionalProperties: false,
  required: ['title', 'content'],
  properties: {
    title: { type: 'string', minLength: 1, maxLength: 200 },
    content: { type: 'string', minLength: 1, maxLength: 20_000 }
  }
}

/** The same check by hand, for peers without a validator. */
export function isPostBody (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { title, content } = value as Record<string, unknown>
  return typeof title === 'string' && title.length > 0 && title.length <= 200 && typeof content === 'string' &&
    content.length > 0 && content.length <= 20_000
}
