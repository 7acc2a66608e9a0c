import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a run stands on: whatever it opens is closed again, last first, at its end, when it fails, and at Ctrl-C. */
export interface Ground {
  /** A temporary folder. */
  folder (): Promise<string>
  /** Registers what closes something that was opened. */
  onEnd (close: () => unknown): void
}

export async function onGround<Result> (run: (ground: Ground) => Promise<Result>): Promise<Result> {
  const closers: Array<() => unknown> = []
  let closing: Promise<void> | undefined

  async function closeAll () {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      try {
        await close()
      } catch (error) {
        console.error(error) // the others are still closed
      }
    }
  }
  const end = () => { closing ??= closeAll(); return closing }
  const leave = () => { void end().then(() => process.exit(130)) }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, leave)
  function onEnd (close: () => unknown) {
    closers.push(close)
    if (closing) closing = closing.then(closeAll) // opened during the shutdown
  }
  async function folder () {
    const path = await mkdtemp(join(tmpdir(), 'gatepost-bench-'))
    onEnd(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
    await chmod(path, 0o711) // PostgreSQL may run as another user
    return path
  }
  try {
    return await run({ folder, onEnd })
  } finally {
    await end()
    for (const signal of signals) process.off(signal, leave)
  }
}
