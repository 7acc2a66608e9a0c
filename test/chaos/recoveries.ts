import type { ChaosReport } from './run.ts'

/** Of each kind of fault and each victim, how long it took at the worst until everything worked again. */
export function slowestRecoveries (recoveries: ChaosReport['recoveries']): string[] {
  const groups = Map.groupBy(recoveries, ({ fault: { victim, kind } }) => `${kind.padEnd(7)}  ${victim}`)
  return [...groups].sort().map(([name, measured]) => {
    const slowest = Math.max(...measured.map(({ milliseconds }) => milliseconds))
    return `${name.padEnd(20)}  all works ${slowest} ms after it${
      measured.length > 1 ? `, at the slowest of ${measured.length}` : ''
    }`
  })
}
