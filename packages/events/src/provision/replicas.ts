const ALLOWED = ['1', '3', '5']

/** What NATS_REPLICAS asks for; undefined when it is not set. Throws a line for the operator. */
export function replicasFrom (text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!ALLOWED.includes(text)) {
    throw new Error(`NATS_REPLICAS is "${text}": it needs 1, or 3 or 5 on a cluster of as many servers`)
  }
  return Number(text)
}
