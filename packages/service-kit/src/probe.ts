const PROBES = new Set(['/live', '/ready', '/metrics'])

/** Whether requests of a route are probes, which come every few seconds. */
export function isProbe (route: string | undefined): boolean {
  return route !== undefined && PROBES.has(route)
}
