import { startGateway } from './gateway.ts'
import { startUpstream } from './upstream.ts'

export type Instances = Awaited<ReturnType<typeof startInstances>>

/** A gateway in front of two instances of posts; a test may put another one in the place of either. */
export async function startInstances () {
  const [one, two] = await Promise.all([startUpstream(), startUpstream()])
  return {
    one,
    two,
    gateway: await startGateway({ POSTS_URL: `${one.url},${two.url}` }),
    async stop () {
      await this.gateway.stop()
      await Promise.all([this.one.stop(), this.two.stop()])
    }
  }
}

/** A call that creates a post. */
export const POST = {
  method: 'POST',
  body: '{"title":"a","content":"b"}',
  headers: { 'content-type': 'application/json' }
}
