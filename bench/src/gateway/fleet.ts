import { type Child, startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import type { Ground } from '../lab/ground.ts'
import { coresFor, pinned, processesOf, which } from '../lab/machine.ts'
import type { Mode } from './mode.ts'
import { type Peer, peers, type Setting } from './peers.ts'
import { accessToken, createSigner, type Signer } from './tokens.ts'
import { POST_PATH } from './upstream.ts'

/** A running peer that passed its conformance check. */
export interface Running {
  name: string
  signer: Signer
  url: string
  pid: number
  child?: Child
}

export interface FleetOptions {
  ground: Ground
  signers: Record<Signer['alg'], Signer>
  upstream: { url: string, pid: number }
  shared: Pick<Setting, 'upstream' | 'natsUrl' | 'redisUrl'>
}

/** What all of them forward to, as a peer: the most that load and upstream can do on the core that they share. */
const UPSTREAM = 'upstream itself'

/** Starts peers, each on the first core, or the first two. */
export function createFleet ({ ground, signers, upstream, shared }: FleetOptions) {
  const running = new Map<Mode, Running[]>()

  async function launch (
    peer: Peer,
    mode: Mode,
    more: Record<string, string> = {}
  ): Promise<Running | undefined> {
    if (peer.needs && !which(peer.needs)) {
      console.log(`${peer.name} is left out: there is no ${peer.needs} on this machine`)
      return undefined
    }
    const [port, opsPort] = await freePorts(2) as [number, number]
    const signer = signers[peer.alg]
    const { command, args = [], env } = await peer.command({
      mode,
      port,
      opsPort,
      folder: await ground.folder(),
      signer,
      ...shared
    })
    const { measured } = coresFor(mode === 'two processes' ? 2 : 1)
    // Its log goes through a file descriptor that takes everything: reading it would be work on somebody's core.
    const child = startChild(...pinned(measured, which(command) ?? command, args), {
      name: peer.name,
      env: { ...process.env, ...env, ...more },
      stdio: ['ignore', 'ignore', 'pipe']
    })
    ground.onEnd(() => child.stop(2000))
    await waitForPort(child, port)
    const one = { name: peer.name, signer, url: `http://127.0.0.1:${port}`, pid: child.pid, child }
    await conform(one, peer, mode)
    if (mode !== 'two processes' || peer.needs || processesOf(child.pid).length > 1) return one
    console.log(`${peer.name} is left out: it started one process where two were asked for`)
    await child.stop(2000)
    return undefined
  }

  return {
    launch,
    /** Those that have this mode, started when it is first asked for. */
    async inMode (mode: Mode): Promise<Running[]> {
      if (!running.has(mode)) {
        const launched = await Promise.allSettled(peers.filter(({ modes }) =>
          modes.includes(mode)
        ).map((peer) => launch(peer, mode)))
        const failure = launched.find(({ status }) => status === 'rejected')
        if (failure) throw (failure as PromiseRejectedResult).reason
        const able = launched.flatMap((one) => one.status === 'fulfilled' && one.value ? [one.value] : [])
        running.set(mode, mode === 'plain' ? [{ name: UPSTREAM, signer: signers.RS256, ...upstream }, ...able] : able)
      }
      return running.get(mode)!
    }
  }
}

/** Throws when a peer forwards a forged token or admits a request over its limit. */
async function conform ({ name, url, signer, child }: Running, { open }: Peer, mode: Mode) {
  if (mode === 'plain') return
  const status = async (token: string) => {
    const answer = await fetch(url + POST_PATH, { headers: { authorization: `Bearer ${token}` } })
    await answer.arrayBuffer()
    return answer.status
  }
  const good = accessToken(signer)
  for (let tries = 0; await status(good) === 503 && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const tokens = [good, good, good, accessToken(createSigner(signer.alg)), 'x']
  const wanted = mode === 'limited' ? /(429,?)$/ : open ? /200,200$/ : /200,200,401,401$/
  const answers: number[] = []
  for (const token of tokens) answers.push(await status(token))
  if (!wanted.test(answers.join())) {
    throw new Error(`${name} answered ${answers.join()} to three good, a forged and no token\n${child?.lastWords()}`)
  }
}
