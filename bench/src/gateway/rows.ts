import { quantile } from '../lab/statistics.ts'
import type { Measured } from './load.ts'

export interface Options {
  seconds: number
  rounds: number
  /** A regular expression for workloads' names; all of them when empty. */
  only: string
}

export interface Round extends Measured {
  /** Microseconds of the peer's CPU for one request. */
  cpuMicros: number
}

export interface Row {
  workload: string
  peer: string
  rounds: Round[]
}

/** A row's figure at the better quarter of its rounds: on a shared machine strangers only ever take. */
export function undisturbed ({ rounds }: Row, figure: keyof Measured | 'cpuMicros'): number {
  return quantile(rounds.map((round) => round[figure]), figure === 'requestsPerSecond' ? 0.75 : 0.25)
}
