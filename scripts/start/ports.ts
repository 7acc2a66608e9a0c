import { isOpen } from '@gatepost/local-stack/child'
import { reachableHost } from '@gatepost/local-stack/address'
import { isFree, type PortName, type SystemPorts } from '@gatepost/local-stack/ports'
import { type Env, neededPorts, portVariables } from './addresses.ts'

/** Ports without HTTP, on loopback only. */
const SERVERS: readonly PortName[] = ['nats', 'postgres']

/** Whatever HOST says. */
const LOOPBACK: readonly PortName[] = [...SERVERS, 'console', 'consoleOps']

/** Throws, with one line that names the variable, when a port of this run cannot be used. */
export async function refuseUnusablePorts (ports: SystemPorts, env: Env): Promise<void> {
  const names = neededPorts(env)
  for (const [index, name] of names.entries()) {
    const twin = names.slice(0, index).find((other) => ports[other] === ports[name])
    if (twin) {
      throw new Error(`${portVariables[twin]} and ${portVariables[name]} are both ${
        ports[name]
      }: give one of them another port`)
    }
  }
  for (const name of names) {
    const [port, host] = [ports[name], LOOPBACK.includes(name) ? '127.0.0.1' : env.HOST || '127.0.0.1']
    if (!SERVERS.includes(name) && await isBlocked(port)) {
      throw new Error(`browsers and fetch refuse to call port ${port}: choose another port with ${portVariables[name]}`)
    }
    // Both addresses are tried: on some systems a listener on all addresses leaves 127.0.0.1 free for others.
    if (
      !await isFree(port, host).catch((error) => unusable(error, name, port, host)) ||
      await isOpen(port, reachableHost(host))
    ) {
      throw new Error(`port ${port} is in use: stop what has it, or choose another port with ${portVariables[name]}`)
    }
  }
}

function unusable ({ code, message }: NodeJS.ErrnoException, name: PortName, port: number, host: string): never {
  if (code === 'EACCES') {
    throw new Error(`port ${port} may not be opened by this user: choose one above 1023 with ${portVariables[name]}`)
  }
  throw new Error(`nothing can listen on HOST, which is "${host}" (${
    code ?? message
  }): it needs an address of this machine, such as 127.0.0.1`)
}

/** Whether the Fetch standard blocks the port. Node knows the list, and looks before it hands a request on. */
async function isBlocked (port: number) {
  const dispatcher = {
    dispatch () {
      throw new Error('not blocked')
    }
  }
  const { cause } = await fetch(`http://127.0.0.1:${port}`, { dispatcher } as unknown as RequestInit).then(
    () => ({ cause: undefined }),
    (error: Error) => error
  )
  return (cause as Error | undefined)?.message === 'bad port'
}
