import { connectOperator, type Operator } from '@gatepost/events/operator'

/** The console's connection to the broker, made when somebody looks at what is there. */
export interface Operators {
  /** Throws within five seconds while NATS is away. */
  get (): Promise<Operator>
  close (): Promise<void>
}

export function createOperators (servers: string): Operators {
  let current: Promise<Operator> | undefined

  async function connect () {
    const operator = await connectOperator(servers)
    void operator.nc.closed().then(() => { current = undefined })
    return operator
  }

  return {
    get () {
      current ??= connect().catch((error: unknown) => {
        current = undefined
        throw error
      })
      return current
    },
    async close () {
      await current?.then((operator) => operator.close(), () => {})
    }
  }
}
