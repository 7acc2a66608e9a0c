/** One number of a Prometheus text page (exposition format 0.0.4). */
export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** The samples of the metrics that are wanted; the rest of the page is not looked at. */
export function samplesIn (page: string, wanted: ReadonlySet<string>): Sample[] {
  const samples: Sample[] = []
  for (const line of page.split('\n')) {
    const end = line.search(/[{ ]/)
    if (end < 1 || !wanted.has(line.slice(0, end))) continue
    const match = LINE.exec(line)
    if (match === null) continue
    const labels = Object.fromEntries([...(match[2] ?? '').matchAll(LABEL)].map(([, key, value]) => [key, value]))
    samples.push({ name: match[1]!, labels, value: Number(match[3]) })
  }
  return samples
}
