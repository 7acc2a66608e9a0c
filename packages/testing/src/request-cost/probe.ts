// Loaded into a process before its own code: counts what the process does between two words on a socket.
import { createHook } from 'node:async_hooks'
import { createServer } from 'node:net'
import { GCProfiler, getHeapStatistics, promiseHooks } from 'node:v8'
import { isMainThread } from 'node:worker_threads'

/** What is counted, by the word that begins it. Promise hooks allocate, so they have a run of their own. */
const counters: Record<string, () => () => Record<string, number>> = {
  /** V8's own accounting: the growth of the heap, and what each collection took off it. */
  bytes () {
    const profiler = new GCProfiler()
    profiler.start()
    const before = getHeapStatistics().used_heap_size
    return () => {
      const growth = getHeapStatistics().used_heap_size - before
      const freed = profiler.stop().statistics.map(({ beforeGC, afterGC }) =>
        beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize
      )
      return { bytes: freed.reduce((sum, bytes) => sum + bytes, growth) }
    }
  },
  queues () {
    const counts = { promises: 0, microtasks: 0, ticks: 0 }
    const stopPromises = promiseHooks.createHook({
      init () { counts.promises++ },
      before () { counts.microtasks++ }
    })
    const hook = createHook({
      init (_id, type) {
        if (type === 'Microtask') counts.microtasks++
        if (type === 'TickObject') counts.ticks++
      }
    }).enable()
    return () => {
      stopPromises()
      hook.disable()
      return counts
    }
  }
}

if (isMainThread && process.env.PROBE_SOCKET !== undefined) {
  createServer((socket) => {
    let end: (() => Record<string, number>) | undefined
    socket.setEncoding('utf8').on('data', (word: string) => {
      if (end === undefined) {
        end = counters[word]!()
        socket.write('begun')
      } else socket.end(JSON.stringify(end()))
    })
  }).listen(process.env.PROBE_SOCKET).unref()
}
