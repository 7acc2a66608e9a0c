import { setTimeout as sleep } from 'node:timers/promises'
import type { JsMsg } from '@nats-io/jetstream'
import { createLanes } from '../order/lanes.ts'
import { type Delivery, deliveryOf } from './delivery.ts'
import { createEarlyEvents } from './early-events.ts'
import { createSettlement, type SettlementOptions } from './settlement.ts'

export interface WorkersOptions<Tx> extends Omit<SettlementOptions<Tx>, 'mayWait' | 'stopped'> {
  concurrency: number
}

/** A predecessor may be applied by another replica, which tells nobody. */
const LOOK_AGAIN_MS = 250
const STOP_MS = 10_000
/** A message that comes right after one beat is told of at the next but one, at half of the acknowledgement wait. */
const BEATS = 4

/** Handles messages: those of one aggregate one after the other, up to `concurrency` aggregates side by side. */
export function createWorkers<Tx> ({ concurrency, ...options }: WorkersOptions<Tx>) {
  const lanes = createLanes<Delivery>((delivery) => delivery.key)
  const present = new Map<number, Delivery>()
  const early = createEarlyEvents()
  const state = { active: 0, stopped: false }
  const settle = createSettlement({ ...options, mayWait: early.mayWait, stopped: () => state.stopped })
  let onChange: (() => void) | undefined
  let heartbeat: NodeJS.Timeout | undefined

  function run () {
    while (state.active < concurrency && !state.stopped) {
      const delivery = lanes.take()
      if (!delivery) break
      state.active++
      void settle(delivery).then((outcome) => {
        state.active--
        lanes.finish(delivery)
        if (outcome === 'waits') early.add(delivery)
        else present.delete(delivery.message.seq)
        if (outcome === 'settled') resume(delivery.key)
        onChange?.()
        run()
      })
    }
  }

  /** Hands out again the early events of an aggregate; without an aggregate the first one of each. */
  function resume (key?: string) {
    for (const delivery of early.take(key)) lanes.add(delivery)
  }

  /** Messages that came since the last beat have time until the next one. */
  function beat () {
    for (const delivery of present.values()) {
      if (delivery.lasting) delivery.message.working()
      delivery.lasting = true
    }
  }

  const change = () => new Promise<void>((resolve) => { onChange = resolve })
  const looking = setInterval(() => {
    resume()
    run()
  }, LOOK_AGAIN_MS).unref()

  return {
    /** Messages that are held here. */
    get size () { return present.size },
    /** Messages that have work to do, and do not wait for an event that is still to come. */
    get busy () { return lanes.size },
    /** Tells the server in time that messages are being worked on; it would give them to another replica. */
    keepAlive (ackWaitMs: number) {
      clearInterval(heartbeat)
      heartbeat = setInterval(beat, ackWaitMs / BEATS)
    },
    add (message: JsMsg) {
      if (state.stopped) return message.nak()
      // Redelivered while it is still here: one handling settles both.
      if (present.has(message.seq)) return
      const delivery = deliveryOf(message)
      present.set(message.seq, delivery)
      lanes.add(delivery)
      run()
    },
    /** Resolves once fewer than `limit` messages have work to do. */
    async room (limit: number) {
      while (lanes.size >= limit && !state.stopped) await change()
    },
    async stop () {
      state.stopped = true
      onChange?.()
      clearInterval(looking)
      for (const { message } of [...lanes.forget(), ...early]) {
        present.delete(message.seq)
        message.nak()
      }
      const deadline = performance.now() + STOP_MS
      while (state.active > 0 && performance.now() < deadline) {
        await Promise.race([change(), sleep(100, undefined, { ref: false })])
      }
      clearInterval(heartbeat)
    }
  }
}
