import {
  dropDeadLetter,
  listDeadLetters,
  readDeadLetter,
  replayDeadLetter,
  type DeadLetter
} from '@gatepost/events/dead-letters'
import { numberOf, UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'
import { table, visible } from './table.ts'

const USAGE = 'it is dlq list | show <number> | replay <number>|--all | drop <number>'

export async function dlq (context: EventsContext): Promise<boolean> {
  const [action = 'list', number] = context.args.words
  if (action === 'list' && number === undefined) return list(context)
  if (action === 'replay' && context.args.all && number === undefined) return replayAll(context)
  if (!['show', 'replay', 'drop'].includes(action) || number === undefined) throw new UsageError(USAGE)
  const letter = await readDeadLetter(await context.operator(), numberOf('the number', number)!)
  if (!letter) throw new Error(`there is no dead letter ${number}`)
  if (action === 'show') return showOne(context, letter)
  if (action === 'replay') return replayOne(context, letter)
  await dropDeadLetter(await context.operator(), letter.number)
  context.print({ number: letter.number, dropped: true }, `dead letter ${letter.number} is dropped`)
  return true
}

const summary = ({ payload: _bytes, event, ...rest }: DeadLetter) => ({
  ...rest,
  eventId: event?.id ?? null,
  type: event?.type ?? null,
  aggregate: event?.subject ?? null,
  version: event?.aggregateversion ?? null
})

async function list ({ operator, args, print }: EventsContext) {
  const letters = await listDeadLetters(await operator(), args.consumer)
  if (args.json) for (const letter of letters) print(summary(letter), '')
  else if (letters.length === 0) print({}, 'no dead letters')
  else {
    print(
      {},
      table(
        ['number', 'consumer', 'event', 'failed at', 'cause'],
        letters.map((
          letter
        ) => [
          letter.number,
          letter.consumer,
          letter.event ? `${letter.event.type} v${letter.event.aggregateversion}` : letter.subject,
          letter.failedAt,
          letter.cause
        ])
      )
    )
  }
  return true
}

async function showOne ({ print }: EventsContext, letter: DeadLetter) {
  const text = Buffer.from(letter.payload).toString()
  print(
    { ...summary(letter), payload: letter.event ?? text },
    [
      table(['', ''], [['consumer', letter.consumer], ['cause', letter.cause], ['failed at', letter.failedAt], [
        'deliveries',
        letter.deliveries
      ], ['stream', `${letter.subject}, sequence ${letter.sequence}`]]).trim(),
      '',
      letter.event ? JSON.stringify(letter.event, null, 2).split('\n').map(visible).join('\n') : visible(text)
    ].join('\n')
  )
  return true
}

async function replayOne ({ operator, print }: EventsContext, letter: DeadLetter) {
  const answer = await replayDeadLetter(await operator(), letter).catch((cause: Error) => {
    throw new Error(`no replica of ${letter.consumer} answers (${cause.message})`, { cause })
  })
  const outcome = 'error' in answer
    ? `failed again: ${visible(answer.error)}`
    : {
        new: 'is applied',
        collision: 'is applied, in the place of another event of its version',
        duplicate: 'was applied before',
        gap: 'waits: the event before it is missing'
      }[answer.verdict]
  print({ number: letter.number, ...answer }, `dead letter ${letter.number} ${outcome}`)
  return 'verdict' in answer && answer.verdict !== 'gap'
}

/** In the stream's order, so that the events of an aggregate follow one another. */
async function replayAll (context: EventsContext) {
  const letters = await listDeadLetters(await context.operator(), context.args.consumer)
  let well = true
  for (const letter of letters.sort((a, b) => a.sequence - b.sequence)) well = await replayOne(context, letter) && well
  if (letters.length === 0 && !context.args.json) context.print({}, 'no dead letters')
  return well
}
