import { lookup } from 'node:dns/promises'
import { isIP, isIPv4 } from 'node:net'

/** All addresses of a name; rejects when there are none. */
export type Resolve = (hostname: string) => Promise<string[]>

const RESOLVE_EVERY_MS = 5_000
/** While the name has no addresses, or none of them can be reached. */
const RESOLVE_AGAIN_MS = 1_000

/** As every program of this machine resolves names: hosts file, search domains, servers. */
export async function resolveName (hostname: string): Promise<string[]> {
  const found = await lookup(hostname, { all: true })
  return found.map(({ address }) => address)
}

export interface FollowOptions {
  hostname: string
  resolve: Resolve
  /** The addresses in use now, and whether none of them can be reached. */
  current (): { addresses: readonly string[], lost: boolean }
  onAddresses (addresses: readonly string[]): void
  /** The name cannot be resolved; its last known addresses stay. */
  onFault (error: Error): void
}

/** Tells the addresses of a host now and whenever they change. A host that is an address has that one for good. */
export function followName ({ hostname, resolve, current, onAddresses, onFault }: FollowOptions) {
  const literal = hostname.replace(/^\[|\]$/g, '')
  if (isIP(literal)) {
    onAddresses([literal])
    return () => {}
  }
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  async function look () {
    const found = await resolve(hostname).catch((error: Error) => error)
    if (stopped) return
    if (found instanceof Error) onFault(found)
    else onAddresses(ofOneFamily(found, current()))
    timer = setTimeout(look, found instanceof Error || current().lost ? RESOLVE_AGAIN_MS : RESOLVE_EVERY_MS).unref()
  }
  void look()
  return function stop () {
    stopped = true
    clearTimeout(timer)
  }
}

/**
 * Both families of a name usually lead to the same hosts. IPv4 is taken, and the other one whenever nobody is there.
 */
function ofOneFamily (
  found: readonly string[],
  { addresses: [known], lost }: { addresses: readonly string[], lost: boolean }
) {
  const four = found.filter(isIPv4)
  const six = found.filter((address) => !isIPv4(address))
  const other = known !== undefined && isIPv4(known) === lost
  const chosen = four.length === 0 || (six.length > 0 && other) ? six : four
  return [...new Set(chosen)].sort()
}
