import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server that this process started, and is responsible for. */
export interface Child {
  name: string
  pid: number
  /** Resolves, when the child has ended for whatever reason, with a line that says how. */
  ended: Promise<string>
  /** Sends the signal that asks it to stop, waits, and kills it when it takes longer than `graceMs`. */
  stop (graceMs?: number): Promise<void>
  signal (signal: NodeJS.Signals): void
  /** The last lines that it wrote to standard error. */
  lastWords (): string
  process: ChildProcess
}

export interface ChildOptions extends SpawnOptions {
  name: string
  stopSignal?: NodeJS.Signals
  onOutput?: (text: string) => void
}

const GRACE_MS = 10_000
const LAST_WORDS = 2_000

/**
 * Starts a child in a process group of its own, so that Ctrl-C in a terminal reaches only us and we decide the order in
 * which things stop. Should we die without a chance to stop it, a watcher that holds the other end of a pipe does.
 */
export function startChild (
  command: string,
  args: readonly string[],
  { name, stopSignal = 'SIGTERM', onOutput, ...options }: ChildOptions
): Child {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options })
  let tail = ''
  const hear = (text: string) => {
    tail = (tail + text).slice(-LAST_WORDS)
    onOutput?.(text)
  }
  child.stdout?.setEncoding('utf8').on('data', onOutput ?? hear)
  child.stderr?.setEncoding('utf8').on('data', hear)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${name} could not be started: ${error.message}`))
    child.once('exit', (code, signal) => resolve(`${name} ended ${signal ? `by ${signal}` : `with code ${code}`}`))
  })
  if (child.pid !== undefined) {
    // A child with a channel to us sees its end by itself, and would take a signal besides as a second, more urgent
    // one.
    const unwatch = watch(child.pid, child.channel ? '0' : stopSignal.slice(3))
    void ended.then(unwatch)
  }
  return {
    name,
    pid: child.pid ?? -1,
    ended,
    process: child,
    lastWords: () => tail.trim(),
    signal: (signal) => { child.kill(signal) },
    async stop (graceMs = GRACE_MS) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      child.kill(stopSignal)
      child.kill('SIGCONT') // a frozen one would not hear us
      const killer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await ended
      clearTimeout(killer)
    }
  }
}

/**
 * Waits for the end of its standard input, which is our end; then asks the child to stop, and ends it if it does not.
 * The child may end meanwhile and its pid be another's: each signal is for the process with that pid and birth.
 */
const WATCHER = `
trap '' INT TERM HUP
born () {
  if read -r stat 2>/dev/null < "/proc/$1/stat"; then
    set -- \${stat##*) }
    shift 19
    echo "$1"
  else
    LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null
  fi
}
birth=$(born "$2")
is_child () { [ "$(born "$2")" = "$birth" ]; }
read -r _
is_child "$@" && kill "-$1" "$2" 2>/dev/null || exit 0
tries=0
while is_child "$@" && [ "$tries" -lt 28 ]; do sleep 1; tries=$((tries + 1)); done
is_child "$@" && kill -KILL "$2" 2>/dev/null`

/**
 * Starts a watcher for the case that we are killed, and returns what ends it once the child has ended: its number may
 * be reused by then.
 */
function watch (pid: number, signal: string) {
  if (process.platform === 'win32') return () => {}
  const watcher = spawn('sh', ['-c', WATCHER, 'watcher', signal, String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true
  })
  watcher.unref()
  const input = watcher.stdin as Socket
  input.unref()
  input.on('error', () => {}) // it was killed, as is wanted
  watcher.on('error', () => {}) // no shell: nobody watches, and all else works
  return () => { watcher.kill('SIGKILL') }
}

/**
 * Resolves once something accepts connections at the port; when the child ends first or `timeoutMs` pass, ends it and
 * rejects.
 */
export async function waitForPort (child: Child, port: number, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  let end: string | undefined
  void child.ended.then((text) => { end = text })
  while (!await isOpen(port)) {
    if (end) throw new Error(`${end}\n${child.lastWords()}`.trim())
    if (Date.now() > deadline) {
      await child.stop()
      throw new Error(`${child.name} does not answer on port ${port}`)
    }
    await sleep(20)
  }
}

/** Whether something accepts connections at this port. */
export async function isOpen (port: number, host = '127.0.0.1'): Promise<boolean> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
