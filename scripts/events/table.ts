/** A table for terminals; cells lose their control characters, since events come from outside. */
export function table (head: string[], rows: (string | number)[][]): string {
  const lines = [head, ...rows.map((row) => row.map((cell) => visible(String(cell))))]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n')
}

/** Removes control characters: an event must not steer the terminal. */
export function visible (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '·')
}
