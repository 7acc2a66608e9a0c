const EVERY_MS = 5_000

/**
 * For a wait that may be long: tells what it waits for, after five seconds and then every five when that has changed.
 */
export function patiently (name: string, say: (line: string) => void = () => {}): (reason: string) => void {
  let last = Date.now()
  let told: string | undefined
  return (reason) => {
    if (reason === told || Date.now() - last < EVERY_MS) return
    last = Date.now()
    told = reason
    say(`waiting for ${name}: ${reason}`)
  }
}
