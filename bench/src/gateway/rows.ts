import { median } from '../lab/statistics.ts'
import type { Measured } from './load.ts'

export interface Options {
  seconds: number
  rounds: number
  /** A regular expression for workloads' names; all of them when empty. */
  only: string
  /** `short`: the workloads that have aims, at the peers that the aims name. */
  set: string
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

/** The median of a row's figure over all its rounds. */
export function middle ({ rounds }: Row, figure: keyof Measured | 'cpuMicros'): number {
  return median(rounds.map((round) => round[figure]))
}
