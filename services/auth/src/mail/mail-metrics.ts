import { Counter, type Registry } from 'prom-client'

const OUTCOMES = ['sent', 'postponed', 'given_up', 'limited'] as const

export type MailMetrics = ReturnType<typeof createMailMetrics>

/** Counts tries to send a mail by their outcome. */
export function createMailMetrics (registry: Registry) {
  const counter = new Counter({
    name: 'gatepost_auth_mails_total',
    help:
      'Mails by outcome: sent, postponed after a failure, given up, or limited because the address had enough of them.',
    labelNames: ['outcome'] as const,
    registers: [registry]
  })
  for (const outcome of OUTCOMES) counter.inc({ outcome }, 0)
  return { count: (outcome: typeof OUTCOMES[number]) => counter.inc({ outcome }) }
}
