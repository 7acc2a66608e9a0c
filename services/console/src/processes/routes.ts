import { loadOnce } from '@gatepost/service-kit/load-once'
import type { App } from '@gatepost/service-kit/server'
import type { LivePages } from '../live/live-pages.ts'
import { readAdvice } from './advice.ts'
import { canRestart, restart } from './supervisor.ts'
import type { ServerView } from './servers.ts'
import type { ProcessWatch } from './watch.ts'

export interface ProcessRoutesOptions {
  watch: ProcessWatch
  live: LivePages
  servers: () => Promise<ServerView[]>
  publicUrl: string
}

export function processRoutes (app: App, { watch, live, servers, publicUrl }: ProcessRoutesOptions): void {
  const advice = loadOnce(readAdvice)

  app.get('/api/overview', (_request, reply) => {
    live.open(reply, async (page) => {
      page.send('about', { advice: await advice(), canRestart, publicUrl, history: watch.history() })
      const show = async () => {
        page.send('processes', watch.views)
        page.send('servers', await servers())
      }
      const stop = watch.attend(() => { void show() })
      page.signal.addEventListener('abort', stop)
    })
  })

  app.get('/docs', (_request, reply) => reply.redirect(`${publicUrl}/docs`))

  app.post('/api/processes/:name/restart', async (request, reply) => {
    const { name } = request.params as { name: string }
    if (!canRestart) return reply.code(409).send({ message: 'Only `pnpm start` restarts its processes.' })
    if (!watch.views.some((view) => view.name === name)) return reply.code(404).send({ message: 'no such process' })
    const fault = await restart(name)
    return fault === undefined ? reply.code(204).send(null) : reply.code(502).send({ message: fault })
  })
}
