/** The address at which a process that listens on `host` can be called on this machine. */
export function reachableHost (host: string): string {
  return { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
}

/** The HTTP origin of a port where a process listens on `host`. */
export function originOf (host: string, port: number): string {
  const name = reachableHost(host)
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}
