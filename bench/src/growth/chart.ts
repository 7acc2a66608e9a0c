import type { Series } from './series.ts'

const [WIDTH, HEIGHT, LEFT, TOP] = [360, 200, 50, 34]
const COLORS = ['#d9480f', '#1971c2', '#2f9e44', '#9c36b5', '#e8590c', '#0c8599', '#5c940d', '#495057']

/** Small charts in two columns: sizes on a logarithmic axis, so that a logarithm is a straight line. */
export function chart (all: Series[]): string {
  const cell = { width: WIDTH + LEFT + 30, height: HEIGHT + TOP + 130 }
  const rows = Math.ceil(all.length / 2)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * cell.width} ${
    rows * cell.height
  }" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
${
    all.map((series, at) =>
      `<g transform="translate(${at % 2 * cell.width}, ${Math.floor(at / 2) * cell.height})">${panel(series)}</g>`
    ).join('\n')
  }
</svg>\n`
}

function panel ({ of, unit, sizes, lines }: Series): string {
  const most = Math.max(...[...lines.values()].flat()) || 1
  const [low, high] = [Math.log10(sizes[0]!), Math.log10(sizes.at(-1)!)]
  const x = (size: number) => LEFT + (high === low ? 0 : WIDTH * (Math.log10(size) - low) / (high - low))
  const y = (value: number) => TOP + HEIGHT * (1 - value / most)
  const axis = sizes.map((size) =>
    `<text x="${x(size)}" y="${TOP + HEIGHT + 15}" text-anchor="middle">${size.toLocaleString('en')}</text>`
  )
  const grid = [0, 0.5, 1].map((share) =>
    `<path d="M${LEFT} ${y(most * share)}h${WIDTH}" stroke="#dee2e6"/><text x="${LEFT - 5}" y="${
      y(most * share) + 4
    }" text-anchor="end">${(most * share).toPrecision(2)}</text>`
  )
  const curves = [...lines].map(([name, values], at) => {
    const color = COLORS[at % COLORS.length]
    const points = values.map((value, index) => `${x(sizes[index]!).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
    return `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="2"/><rect x="${
      LEFT + at % 2 * 190
    }" y="${TOP + HEIGHT + 26 + Math.floor(at / 2) * 15}" width="10" height="10" fill="${color}"/><text x="${
      LEFT + 14 + at % 2 * 190
    }" y="${TOP + HEIGHT + 35 + Math.floor(at / 2) * 15}">${name}</text>`
  })
  return `<text x="${LEFT}" y="20" font-weight="bold">${of}, ${unit}</text>${[...grid, ...axis, ...curves].join('')}`
}
