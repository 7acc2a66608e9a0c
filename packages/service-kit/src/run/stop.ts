/**
 * Calls back, with the cause, each time this process is told to stop: by SIGTERM, SIGINT, or the loss of a supervising
 * parent.
 */
export function onStop (stop: (cause: string) => void) {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal))
  // A supervisor that starts this process with an IPC channel need not outlive it: when it is gone, so is the channel.
  if (process.channel) {
    process.channel.unref()
    process.on('disconnect', () => stop('the supervisor is gone'))
  }
}
