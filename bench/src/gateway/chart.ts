import { type Row } from './main.ts'

const BAR = 18
const WIDTH = 720
const LABEL = 190

/** Requests per second as bars, workload by workload. */
export function chart (rows: Row[]): string {
  const shapes: string[] = []
  let y = 10
  for (const [workload, group] of Map.groupBy(rows, ({ workload }) => workload)) {
    const most = Math.max(...group.map((row) => row.requestsPerSecond))
    shapes.push(`<text x="0" y="${y + 14}" font-weight="bold">${workload}</text>`)
    y += 24
    for (const { peer, requestsPerSecond } of group) {
      const width = Math.round((WIDTH - LABEL - 90) * requestsPerSecond / most)
      shapes.push(`<text x="${LABEL - 8}" y="${y + 13}" text-anchor="end">${peer}</text>`,
        `<rect x="${LABEL}" y="${y}" width="${width}" height="${BAR - 4}" fill="${peer === 'Gatepost' ? '#d9480f' : '#868e96'}"/>`,
        `<text x="${LABEL + width + 6}" y="${y + 12}">${Math.round(requestsPerSecond)}</text>`)
      y += BAR
    }
    y += 16
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif" font-size="12">\n${shapes.join('\n')}\n</svg>\n`
}
