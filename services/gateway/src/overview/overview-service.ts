import { PublicProfileSchema } from '@gatepost/contracts/auth/schemas'
import type { UserOverview } from '@gatepost/contracts/gateway/operations'
import { PostPageSchema } from '@gatepost/contracts/posts/schemas'
import type { Static, TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import type { Collected, Collecting } from '../upstreams/collect.ts'

/** The calls that make an overview, already under way. */
export interface OverviewParts {
  user: Collecting
  posts: Collecting
}

/** The overview, or why there is none: no such user, a token that no service takes, or no part that could be had. */
export type OverviewOutcome = UserOverview | 'no-user' | 'unauthorized' | 'nothing'

const profile = TypeCompiler.Compile(PublicProfileSchema)
const postPage = TypeCompiler.Compile(PostPageSchema)
const LATE = 'late'

/**
 * Puts together what comes before the deadline. A part that fails, is late or makes no sense is null and named in
 * `incomplete`; whatever went wrong with it never becomes an error of ours while there is anything to tell. A user that
 * does not exist is known at once, whatever posts are still on their way.
 */
export async function overviewOf ({ user, posts }: OverviewParts, deadlineMs: number): Promise<OverviewOutcome> {
  const late = Promise.withResolvers<typeof LATE>()
  const timer = setTimeout(late.resolve, deadlineMs, LATE)
  try {
    const userAnswer = await Promise.race([user.answer, late.promise])
    if (statusOf(userAnswer) === 404) return 'no-user'
    const postsAnswer = await Promise.race([posts.answer, late.promise])
    const overview = { user: read(profile, userAnswer), posts: read(postPage, postsAnswer) }
    if (overview.user === null && overview.posts === null) {
      return statusOf(userAnswer) === 401 && statusOf(postsAnswer) === 401 ? 'unauthorized' : 'nothing'
    }
    const incomplete = (['user', 'posts'] as const).filter((part) => overview[part] === null)
    return { ...overview, incomplete }
  } finally {
    clearTimeout(timer)
    user.cancel()
    posts.cancel()
  }
}

function statusOf (answer: Collected | string) {
  return typeof answer === 'object' ? answer.status : undefined
}

function read<Schema extends TSchema> (schema: TypeCheck<Schema>, answer: Collected | string): Static<Schema> | null {
  if (typeof answer !== 'object' || answer.status !== 200) return null
  try {
    const value: unknown = JSON.parse(answer.body.toString('utf8'))
    return schema.Check(value) ? value : null
  } catch {
    return null // not JSON: as good as no answer
  }
}
