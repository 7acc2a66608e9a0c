import { median } from '../lab/statistics.ts'

/** Times of a call over growing tables. */
export interface Series {
  /** What grows. */
  of: string
  unit: 'ms' | 'MB' | 's'
  sizes: number[]
  lines: Map<string, number[]>
  /** The reason why a line may grow faster than a logarithm; other such lines are faults. */
  excused?: RegExp
}

export function createSeries (
  of: string,
  unit: Series['unit'],
  excused?: RegExp
): Series & { add(line: string, value: number): void } {
  const lines = new Map<string, number[]>()
  return {
    of,
    unit,
    sizes: [],
    lines,
    excused,
    add (line, value) {
      lines.set(line, [...lines.get(line) ?? [], value])
    }
  }
}

/** 10², 10³ … up to the maximum. */
export function powersOfTen (most: number): number[] {
  return [1e2, 1e3, 1e4, 1e5, 1e6].filter((size) => size <= most)
}

/** Median time of `count` calls, one at a time, in milliseconds. */
export async function timeCalls (calls: number, call: (n: number) => Promise<unknown>): Promise<number> {
  const samples: number[] = []
  for (let n = 0; n < calls; n++) {
    const begun = performance.now()
    await call(n)
    samples.push(performance.now() - begun)
  }
  return median(samples)
}

/** A difference below this is the machine's, not ours. */
const NOISE: Record<Series['unit'], number> = { ms: 0.5, MB: 20, s: 0.5 }

/** Smallest growth at which a curve counts. */
const ENOUGH = 100

/**
 * Whether a line grows faster than the logarithm of the size, with half as much again for the machine's moods: the
 * growth from the first size to the second is allowed again for each further power of ten.
 */
export function outgrowsLogarithm (sizes: number[], values: number[], unit: Series['unit']): boolean {
  if (sizes.at(-1)! / sizes[0]! < ENOUGH) return false
  const [first, last] = [values[0]!, values.at(-1)!]
  const allowed = first * Math.log(sizes.at(-1)!) / Math.log(sizes[0]!)
  return last > allowed * 1.5 && last - first > NOISE[unit]
}

export function faultsOf ({ sizes, lines, unit, excused }: Series): string[] {
  return [...lines].filter(([name, values]) => !excused?.test(name) && outgrowsLogarithm(sizes, values, unit)).map((
    [name]
  ) => name)
}

export function tableOf ({ of, unit, sizes, lines }: Series): string {
  const digits = unit === 'MB' ? 0 : 2
  return `## ${of}, ${unit}\n\n| | ${sizes.map((size) => size.toLocaleString('en')).join(' | ')} | |\n| --- |${
    ' ---: |'.repeat(sizes.length)
  } --- |\n${
    [...lines].map(([name, values]) =>
      `| ${[name, ...values.map((value) => value.toFixed(digits))].join(' | ')} | ${
        outgrowsLogarithm(sizes, values, unit) ? 'faster than a logarithm' : ''
      } |`
    ).join('\n')
  }`
}
