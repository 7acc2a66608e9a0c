import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { declarations } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'

/**
 * Below the range that systems take the ports of outgoing connections from, which else might take one before its server
 * does.
 */
const LOWEST = 15_000
const HIGHEST = 32_000

/** Ports handed out already: their owners may not listen yet. */
const given = new Set<number>()

/** Ports of 127.0.0.1 that were free just now; no port twice in one process. */
export async function freePorts (count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomInt(LOWEST, HIGHEST)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

/**
 * Whether a server can listen at this port: not where one does, nor where an outgoing connection has it, even for the
 * minute after its end.
 */
export async function isFree (port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = createServer().listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
  server.close()
  await once(server, 'close')
  return true
}

/** A process, what it serves its metrics at, or a server. */
export type PortName = ServiceName | `${ServiceName}Ops` | 'console' | 'consoleOps' | 'nats' | 'postgres'

/** Where each server and process of one system listens. */
export type SystemPorts = Record<PortName, number>

/** The ports of a system that nobody told otherwise. */
export const USUAL_PORTS = Object.fromEntries([
  ...declarations.map(({ name, port }) => [name, port]),
  ...declarations.map(({ name, opsPort }) => [`${name}Ops`, opsPort]),
  ['console', 9400],
  ['consoleOps', 9401],
  ['nats', 4222],
  ['postgres', 54320]
]) as SystemPorts

/** Ports for a whole system that were free just now. */
export async function freeSystemPorts (): Promise<SystemPorts> {
  const names = Object.keys(USUAL_PORTS)
  const numbers = await freePorts(names.length)
  return Object.fromEntries(names.map((name, index) => [name, numbers[index]])) as SystemPorts
}
