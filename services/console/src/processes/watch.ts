import { directGet } from '@gatepost/service-kit/direct-get'
import { type Point, pointBetween, type Reading, readingOf } from './reading.ts'

export interface CheckView {
  name: string
  status: string
  detail: string | undefined
}

/** A process as the overview shows it. */
export interface ProcessView {
  name: string
  /** `gone`: nobody answers. */
  status: 'up' | 'degraded' | 'down' | 'gone'
  checks: CheckView[]
  node: string
  /** Milliseconds since the epoch; 0 while it is not known. */
  startedAt: number
  now: Point | undefined
}

export interface ProcessWatch {
  readonly views: ProcessView[]
  /** The charts of the last 15 minutes, by process. */
  history (): Record<string, Point[]>
  /** Looks often while somebody looks; returns how to stop that. */
  attend (listener: () => void): () => void
  /** The latest rate of a process. */
  perSecond (name: string): number | undefined
  stop (): void
}

export interface ProcessAddress {
  name: string
  url: string
  operationsUrl: string
}

const WATCHED_MS = 2_000
/** So that there are charts when somebody comes, for next to nothing. */
const UNWATCHED_MS = 15_000
const TIMEOUT_MS = 1_500
const KEPT_SECONDS = 15 * 60

interface Watched extends ProcessAddress {
  view: ProcessView
  last: Reading | undefined
  points: Point[]
}

/** Asks each process for its readiness and its metrics, again and again. */
export function watchProcesses (addresses: readonly ProcessAddress[]): ProcessWatch {
  const watched = addresses.map((address): Watched => ({
    ...address,
    view: { name: address.name, status: 'gone', checks: [], node: '', startedAt: 0, now: undefined },
    last: undefined,
    points: []
  }))
  const listeners = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let looking = false

  async function look () {
    clearTimeout(timer)
    if (looking || stopped) return
    looking = true
    await Promise.all(watched.map(lookAt))
    looking = false
    for (const listener of listeners) listener()
    if (!stopped) timer = setTimeout(look, listeners.size > 0 ? WATCHED_MS : UNWATCHED_MS).unref()
  }
  void look()

  return {
    get views () { return watched.map(({ view }) => view) },
    history: () => Object.fromEntries(watched.map(({ name, points }) => [name, points])),
    perSecond: (name) => watched.find((one) => one.name === name)?.view.now?.perSecond,
    attend (listener) {
      listeners.add(listener)
      void look()
      return () => { listeners.delete(listener) }
    },
    stop () {
      stopped = true
      clearTimeout(timer)
    }
  }
}

async function lookAt (process: Watched) {
  const [ready, metrics] = await Promise.all([
    get(`${process.url}/ready`).then((body) => JSON.parse(body) as ReadyAnswer).catch(() => undefined),
    get(`${process.operationsUrl}/metrics`).catch(() => undefined)
  ])
  const { view } = process
  view.status = ready?.status ?? 'gone'
  view.checks = Object.entries(ready?.checks ?? {}).map(([name, { status, detail }]) => ({ name, status, detail }))
  if (metrics === undefined) {
    view.now = undefined
    return
  }
  const reading = readingOf(metrics, Date.now())
  view.node = reading.node
  view.startedAt = reading.startedAt * 1000
  view.now = process.last && pointBetween(process.last, reading)
  process.last = reading
  if (view.now) process.points.push(view.now)
  while (process.points.length > 0 && process.points[0]!.at < reading.at / 1000 - KEPT_SECONDS) process.points.shift()
}

interface ReadyAnswer {
  status: 'up' | 'degraded' | 'down'
  checks: Record<string, { status: string, detail?: string }>
}

async function get (url: string) {
  return (await directGet(url, { timeoutMs: TIMEOUT_MS })).body
}
