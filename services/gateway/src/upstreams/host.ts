import { followName, type Resolve } from './addresses.ts'
import { createInstance, type Instance } from './instance.ts'
import { watchInstance } from './probe.ts'

/** One URL of a service, with an instance for each address of its name. */
export interface Host {
  readonly instances: readonly Instance[]
  /** The name was looked up once, and all that was found was asked once. */
  readonly asked: boolean
  /** Whether the last look found addresses. */
  readonly resolved: boolean
  close (): Promise<void>
}

export interface HostOptions {
  url: string
  resolve: Resolve
  connectionAgeMs?: number | undefined
  /** Instances came or went. */
  onChange (): void
  /** An instance was asked whether it is there. */
  onProbe (instance: Instance): void
  /** The name cannot be resolved, for the first time since it could. */
  onFault (error: Error): void
}

export function createHost ({ url, resolve, connectionAgeMs, onChange, onProbe, onFault }: HostOptions): Host {
  const members = new Map<string, { instance: Instance, stop (): void }>()
  const instances = () => [...members.values()].map(({ instance }) => instance)
  let looked = false
  let resolved = true
  let asked = false

  function noteAsked () {
    asked ||= looked && instances().every(({ probed }) => probed !== undefined)
  }

  function add (address: string) {
    const instance = createInstance(url, address, connectionAgeMs)
    if (looked) instance.backSince = performance.now()
    const stop = watchInstance(instance, () => {
      noteAsked()
      onProbe(instance)
    })
    members.set(address, { instance, stop })
  }

  /** Calls that it has go on. */
  function remove (address: string) {
    const { instance, stop } = members.get(address)!
    members.delete(address)
    stop()
    void instance.retire()
  }

  const stopFollowing = followName({
    hostname: new URL(url).hostname,
    resolve,
    current: () => ({ addresses: [...members.keys()], lost: instances().every(({ down }) => down) }),
    onAddresses (addresses) {
      for (const known of members.keys()) if (!addresses.includes(known)) remove(known)
      for (const address of addresses) if (!members.has(address)) add(address)
      looked = resolved = true
      onChange()
    },
    onFault (error) {
      if (resolved) onFault(error)
      looked = true
      resolved = false
      noteAsked()
    }
  })

  return {
    get instances () { return instances() },
    get asked () { return asked },
    get resolved () { return resolved },
    async close () {
      stopFollowing()
      await Promise.all([...members.values()].map(({ instance, stop }) => {
        stop()
        return instance.close()
      }))
    }
  }
}
