/**
 * Calls back, with the cause, each time this process is told to stop: by SIGTERM, SIGINT, or the loss of a supervising
 * parent.
 */
export function onStop (stop: (cause: string) => void) {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal))
  // The IPC channel of a supervisor closes when the supervisor is gone.
  if (process.channel) {
    process.channel.unref()
    process.on('disconnect', () => stop('the supervisor is gone'))
  }
}
