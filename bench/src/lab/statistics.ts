/** The interpolated quantile of the values; `share` is from 0 to 1. NaN without values. */
export function quantile (values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!]
  return below + (above - below) * (at % 1)
}

export const median = (values: number[]) => quantile(values, 0.5)
