import type { Operations, Session } from '../contract.ts'
import type { LiveEventType } from '../event-contract.ts'
import type { LiveEvent, LiveEventOptions } from './live-events.ts'
import type { AnyInput } from './request.ts'

type Id = keyof Operations

/** An answer of an operation, told apart by its status where it has several. */
export type Answer<I extends Id> = {
  [Status in keyof Operations[I]['answers'] & number]: {
    status: Status
    headers: Headers
    body: Operations[I]['answers'][Status]
  }
}[keyof Operations[I]['answers'] & number]

/** What an operation is given, and how it is called. */
export type Input<I extends Id> = Operations[I]['input'] & Pick<AnyInput, 'signal' | 'timeoutMs'>

type Arguments<Given> = {} extends Given ? [input?: Given] : [input: Given]

type ItemOf<Answers> = Answers extends { 200: { items: (infer Item)[], nextCursor: string | null } } ? Item : never

/** An operation as a function. */
export type Call<I extends Id> =
  & ((...input: Arguments<Input<I>>) => Promise<Answer<I>>)
  & Pages<Input<I>, ItemOf<Operations[I]['answers']>>

type Pages<Given, Item> = [Item] extends [never] ? {} : {
  /** The items of all pages, from the one that is asked for. */
  all: (...input: Arguments<Given>) => AsyncGenerator<Item, void, undefined>
}

/** Every operation of the API by its id, and what is more than one call. */
export type Client = { readonly [I in Id]: Call<I> } & {
  /**
   * Follows events as they happen: in order, nothing missed and nothing twice, over refreshes, restarts and lost
   * connections. Ends with the signal.
   */
  events<Type extends LiveEventType = LiveEventType> (
    options?: LiveEventOptions<Type>
  ): AsyncGenerator<LiveEvent<Type>, void, undefined>
  /** The session as this client knows it now. */
  readonly session: Session | undefined
}
