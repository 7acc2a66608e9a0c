const QUIET_MS = 4_000

/** For a wait that may be long: tells what it waits for, after a while, and again when that changes. */
export function patiently (name: string, say: (line: string) => void = () => {}): (reason: string) => void {
  const since = Date.now()
  let told: string | undefined
  return (reason) => {
    if (reason === told || Date.now() - since < QUIET_MS) return
    told = reason
    say(`waiting for ${name}: ${reason}`)
  }
}
