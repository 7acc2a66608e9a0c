import type { FastifyReply } from 'fastify'

/** Adds names to an answer's Vary (RFC 9110 section 12.5.5). */
export function addVary (reply: FastifyReply, names: string): void {
  const own = reply.getHeader('vary')
  const all = `${own ?? ''},${names}`.split(',').map((name) => name.trim()).filter(Boolean)
  const unique = all.filter((name, i) => all.findIndex((other) => other.toLowerCase() === name.toLowerCase()) === i)
  reply.header('vary', unique.includes('*') ? '*' : unique.join(', '))
}
