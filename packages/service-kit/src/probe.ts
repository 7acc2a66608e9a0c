const PROBES = new Set(['/live', '/ready', '/metrics'])

/** Whether requests of a route ask how the process is, as somebody does every few seconds. */
export function isProbe (route: string | undefined): boolean {
  return route !== undefined && PROBES.has(route)
}
