import { html, useEffect, useRef } from '/lib/preact.js'
import uPlot from '/lib/uplot.js'

/** A colour of the style sheet, as a canvas takes it. */
function colour (element, name) {
  element.style.color = `var(${name})`
  const value = getComputedStyle(element).color
  element.style.color = ''
  return value
}

const HEIGHT = 84

/**
 * A small chart of the last 15 minutes. `series` are lists of values with a label and a colour; `points` their times in
 * seconds.
 */
export function Chart ({ label, times, series, format }) {
  const box = useRef()
  const plot = useRef()
  useEffect(() => {
    const element = box.current
    const make = () => {
      plot.current?.destroy()
      const soft = colour(element, '--soft')
      const line = colour(element, '--line')
      const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: '11px system-ui' }
      plot.current = new uPlot(
        {
          width: element.clientWidth || 260,
          height: HEIGHT,
          legend: { show: false },
          cursor: { show: false },
          padding: [8, 4, 0, 0],
          scales: { y: { range: (_plot, _min, max) => [0, Math.max(max, 1e-6) * 1.15] } },
          axes: [
            {
              ...axis,
              size: 22,
              space: 70,
              values: (_plot, values) => values.map((at) => new Date(at * 1000).toTimeString().slice(0, 5))
            },
            { ...axis, size: 52, space: 26, values: (_plot, values) => values.map(format) }
          ],
          series: [
            {},
            ...series.map(({ tone, width = 1.5, fill }) => ({
              stroke: colour(element, tone),
              width,
              points: { show: false },
              fill: fill ? colour(element, tone).replace('rgb(', 'rgba(').replace(')', ', .12)') : undefined
            }))
          ]
        },
        [times, ...series.map(({ values }) => values)],
        element
      )
    }
    make()
    const resized = new ResizeObserver(() => plot.current.setSize({ width: element.clientWidth, height: HEIGHT }))
    resized.observe(element)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', make)
    return () => {
      resized.disconnect()
      scheme.removeEventListener('change', make)
      plot.current.destroy()
    }
  }, [])
  useEffect(() => plot.current.setData([times, ...series.map(({ values }) => values)]), [times])
  const last = series.map(({ label: name, values }) => `${name} ${format(values.at(-1) ?? 0)}`).join(', ')
  return html`<figure class="chart">
    <figcaption>
      ${series.map(({ label: name, tone }) => html` <span class="key ${tone.slice(2)}">${name}</span>`)}
    </figcaption>
    <div ref=${box} role="img" aria-label="${label}, now: ${last}"></div>
  </figure>`
}
