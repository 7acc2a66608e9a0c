/**
 * Trials that take minutes have a short form in every run. `GATEPOST_LONG=1 pnpm test packages/client/test/…` runs the
 * long one.
 */
export const long = process.env.GATEPOST_LONG === '1'

export const extentOf = (short: number, full: number) => long ? full : short
