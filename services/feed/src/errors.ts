import { problemError } from '@gatepost/service-kit/problem'

export const InvalidCursorError = problemError('FEED_INVALID_CURSOR')
