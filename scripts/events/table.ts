/** Columns as wide as they need to be, for reading; what came from outside loses its control characters. */
export function table (head: string[], rows: (string | number)[][]): string {
  const lines = [head, ...rows.map((row) => row.map((cell) => visible(String(cell))))]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n')
}

/** A terminal must not obey what stands in an event. */
export function visible (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '·')
}
