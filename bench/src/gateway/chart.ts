import { type Row, middle } from './rows.ts'

const BAR = 16
const COLUMN = 460
const LABEL = 175
const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Requests per second as bars, workload by workload, in two columns. */
export function chart (rows: Row[]): string {
  const groups = [...Map.groupBy(rows, ({ workload }) => workload)]
  const bottoms = [10, 10]
  const shapes = groups.flatMap(([workload, group]) => {
    const column = bottoms[0]! <= bottoms[1]! ? 0 : 1
    const y = bottoms[column]!
    bottoms[column] = y + 42 + group.length * BAR
    return [`<g transform="translate(${column * COLUMN}, ${y})">`, ...bars(workload, group), '</g>']
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * COLUMN} ${
    Math.max(...bottoms)
  }" font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n${
    shapes.join('\n')
  }\n</svg>\n`
}

function bars (workload: string, group: Row[]) {
  const most = Math.max(...group.map((row) => middle(row, 'requestsPerSecond')))
  return [
    `<text x="8" y="14" font-weight="bold">${escape(workload)} (requests/s)</text>`,
    ...group.flatMap((row, at) => {
      const requestsPerSecond = middle(row, 'requestsPerSecond')
      const y = 22 + at * BAR
      const width = Math.round((COLUMN - LABEL - 60) * requestsPerSecond / most)
      return [
        `<text x="${LABEL - 6}" y="${y + 11}" text-anchor="end">${escape(row.peer)}</text>`,
        `<rect x="${LABEL}" y="${y}" width="${width}" height="${BAR - 4}" fill="${
          row.peer === 'Gatepost' ? '#d9480f' : '#868e96'
        }"/>`,
        `<text x="${LABEL + width + 5}" y="${y + 11}">${Math.round(requestsPerSecond)}</text>`
      ]
    })
  ]
}
