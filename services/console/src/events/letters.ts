import { dropDeadLetter, readDeadLetter, replayDeadLetter } from '@gatepost/events/dead-letters'
import type { Operators } from './operators.ts'

/** What one call may replay or drop. */
export const MOST_AT_ONCE = 1_000

/** What became of each letter, in words. */
export type LetterOutcome = { number: number; done: boolean, outcome: string }

/** Has each of the letters handled again, in the stream's order, so that events of an aggregate follow one another. */
export async function replayLetters (operators: Operators, numbers: readonly number[]): Promise<LetterOutcome[]> {
  const operator = await operators.get()
  const letters = (await Promise.all(numbers.map((number) => readDeadLetter(operator, number))))
    .filter((letter) => letter !== undefined)
    .sort((a, b) => a.sequence - b.sequence)
  const outcomes: LetterOutcome[] = []
  for (const letter of letters) {
    const answer = await replayDeadLetter(operator, letter).catch((): { error: string } => ({
      error: `no replica of ${letter.consumer} answers`
    }))
    const done = 'verdict' in answer && answer.verdict !== 'gap'
    outcomes.push({
      number: letter.number,
      done,
      outcome: 'error' in answer ? answer.error : (VERDICTS[answer.verdict] ?? answer.verdict)
    })
    if ('error' in answer && answer.error.startsWith('no replica')) break
  }
  return outcomes
}

const VERDICTS: Record<string, string> = {
  new: 'applied',
  duplicate: 'was applied before',
  collision: 'applied in the place of another event of its version',
  gap: 'waits: the event before it is missing'
}

export async function dropLetters (operators: Operators, numbers: readonly number[]): Promise<LetterOutcome[]> {
  const operator = await operators.get()
  return Promise.all(
    numbers.map(async (number) => ({
      number,
      done: await dropDeadLetter(operator, number),
      outcome: 'dropped'
    }))
  )
}
