import type { App } from '@gatepost/service-kit/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Readers } from '../database/readers.ts'
import type { LivePages } from '../live/live-pages.ts'
import { showAgain } from '../live/repeat.ts'
import type { EventViews } from './event-view.ts'
import { readLetters } from './letter-groups.ts'
import { dropLetters, type LetterOutcome, MOST_AT_ONCE, replayLetters } from './letters.ts'
import type { Operators } from './operators.ts'
import { readStanding } from './standing.ts'
import type { SharedTail } from './tail.ts'

export interface EventRoutesOptions {
  live: LivePages
  operators: Operators
  readers: Readers
  tail: SharedTail
  views: EventViews
}

export function eventRoutes (app: App, { live, operators, readers, tail, views }: EventRoutesOptions): void {
  app.get('/api/events', (_request, reply) => {
    live.open(reply, (page) => {
      page.signal.addEventListener(
        'abort',
        tail.follow((rows, skipped) => page.send('events', { rows, skipped }))
      )
    })
  })

  app.get('/api/events/:sequence', (request, reply) => {
    const { sequence } = request.params as { sequence: string }
    if (!/^\d{1,15}$/.test(sequence)) return reply.code(404).send({ message: 'A sequence is a number.' })
    const read = async () => ({ event: await views.read(Number(sequence)) ?? null })
    live.open(reply, (page) => showAgain(page, 'event', read))
    return reply
  })

  app.get('/api/consumers', (_request, reply) => {
    const read = async () => ({ standing: await readStanding({ operators, readers }) })
    live.open(reply, (page) => showAgain(page, 'standing', read))
  })

  app.get('/api/dead-letters', (_request, reply) => {
    live.open(reply, (page) => showAgain(page, 'letters', async () => ({ letters: await readLetters(operators) })))
  })

  const change =
    (work: (operators: Operators, numbers: number[]) => Promise<LetterOutcome[]>) =>
      async (request: FastifyRequest, reply: FastifyReply) => {
        const numbers = numbersIn(request.body)
        if (numbers === undefined) {
          return reply.code(400).send({ message: `numbers: 1 to ${MOST_AT_ONCE} numbers of dead letters` })
        }
        return { outcomes: await work(operators, numbers) }
      }
  app.post('/api/dead-letters/replay', change(replayLetters))
  app.post('/api/dead-letters/drop', change(dropLetters))
}

function numbersIn (body: unknown): number[] | undefined {
  const { numbers } = (body ?? {}) as { numbers?: unknown }
  return Array.isArray(numbers) &&
    numbers.length > 0 &&
    numbers.length <= MOST_AT_ONCE &&
    numbers.every((number) => Number.isSafeInteger(number) && number > 0)
    ? (numbers as number[])
    : undefined
}
