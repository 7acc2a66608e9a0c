/**
 * `plain`: nothing but forwarding. `full`: the whole policy. `limited`: the whole policy and a limit that is long used
 * up.
 */
export type Mode = 'plain' | 'full' | 'limited' | 'redis' | 'two processes'

/** The limit of a mode: requests and seconds. */
export const limitOf = (mode: Mode): [max: number, seconds: number] =>
  mode === 'limited' ? [1, 3600] : [1_000_000_000, 1]
