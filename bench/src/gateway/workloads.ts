import type { Load } from './load.ts'
import type { Running } from './fleet.ts'
import type { Mode } from './mode.ts'
import { accessToken } from './tokens.ts'
import { POST_PATH, PUBLIC_PATH } from './upstream.ts'

export interface Workload {
  name: string
  mode: Mode
  load (peer: Running, seconds: number): Load
  /** Whether refusals are what is wanted. */
  refused?: boolean
  /** Peers to measure; all that have the mode when absent. */
  only?: RegExp
  /**
   * Requests come at this share of the rate that a GET with the full policy reached in the closed loop, whether the
   * last was answered or not.
   */
  share?: number
  /** Workloads of one group are measured in turns; the groups one after the other. */
  group: string
}

const body = JSON.stringify({ title: 'A title', content: 'x'.repeat(980) })

const get = (connections: number) => (peer: Running, seconds: number): Load => ({
  url: peer.url + POST_PATH,
  method: 'GET',
  headers: { authorization: `Bearer ${accessToken(peer.signer)}` },
  connections,
  seconds
})

const post = (peer: Running, seconds: number): Load => ({
  url: `${peer.url}/api/posts`,
  method: 'POST',
  body,
  headers: { authorization: `Bearer ${accessToken(peer.signer)}`, 'content-type': 'application/json' },
  connections: 64,
  seconds
})

let serial = 1

/**
 * As many different tokens as a run sends only once, so that a cache of verified ones is of no use. An RSA key signs
 * thirty times slower than the others, and none of those who verify RS256 here keeps tokens, or they are left out.
 */
function newTokens (peer: Running, seconds: number) {
  return Array.from(
    { length: peer.signer.alg === 'EdDSA' ? 12_000 * seconds : 1_000 },
    () => accessToken(peer.signer, serial++)
  )
}

/** Well-formed, so that only the signature check tells. */
const forge = (token: string) => `${token.slice(0, -6)}AAAAAQ`
const oneForgery = (peer: Running) => [forge(accessToken(peer.signer))]
const newForgeries = (peer: Running, seconds: number) => newTokens(peer, seconds).map(forge)

export const FULL_GET = 'GET, full policy, 64 connections'
export const NO_POLICY = 'GET, no policy, 64 connections'
export const FULL_POST = 'POST 1 KB, full policy, validated, 64 connections'
export const IN_REDIS = 'GET, full policy, limits in Redis'
export const ONE_PROCESS = 'GET, full policy, one process'
export const TWO_PROCESSES = 'GET, full policy, two processes'

/**
 * What Gatepost spends on a request that it admits or refuses: comparable at one rate alone, since a load that waits
 * for each answer costs more where it waits less.
 */
export const SAME_RATE = 'At one rate: '
const atOneRate = (name: string, load: Workload['load'], more: Partial<Workload> = {}): Workload => ({
  name: SAME_RATE + name,
  group: SAME_RATE,
  mode: 'full',
  only: /^Gatepost$/,
  share: 0.2,
  load,
  ...more
})
const withTokens =
  (tokensOf: (peer: Running, seconds: number) => string[]) => (peer: Running, seconds: number): Load => ({
    ...get(64)(peer, seconds),
    headers: {},
    tokens: tokensOf(peer, seconds)
  })

/** Everything that the processes with the whole policy do. */
const FULL = 'full policy'

export const workloads: Workload[] = [
  {
    name: NO_POLICY,
    group: 'no policy',
    mode: 'plain',
    load: (peer, seconds) => ({ ...get(64)(peer, seconds), url: peer.url + PUBLIC_PATH, headers: {} })
  },
  { name: FULL_GET, group: FULL, mode: 'full', load: get(64) },
  {
    name: 'GET, full policy, 1024 connections',
    group: FULL,
    mode: 'full',
    only: /RS256|nginx|^bare Node proxy$|Gatepost|plugins|Express/,
    load: get(1024)
  },
  {
    name: 'GET, full policy, every token new',
    group: FULL,
    mode: 'full',
    only: /HAProxy|no token cache|Gatepost|plugins|Express/,
    load: withTokens(newTokens)
  },
  {
    name: FULL_POST,
    group: FULL,
    mode: 'full',
    only: /^(?!HAProxy ES256|bare Node proxy, no)/,
    load: post
  },
  {
    name: 'GET at half of its own rate, full policy',
    group: FULL,
    mode: 'full',
    only: /RS256|nginx|^bare Node proxy$|Gatepost|plugins|Express/,
    share: 0.5,
    load: get(64)
  },
  {
    name: 'a forged token refused',
    group: FULL,
    mode: 'full',
    only: /^(?!nginx|bare Node proxy, no)/,
    refused: true,
    load: withTokens(oneForgery)
  },
  {
    name: 'forged tokens refused, every one new',
    group: FULL,
    mode: 'full',
    only: /^(?!nginx|bare Node proxy, no)/,
    refused: true,
    load: withTokens(newForgeries)
  },
  { name: 'over the limit, refused', group: 'over the limit', mode: 'limited', refused: true, load: get(64) },
  atOneRate('a token seen before', get(64)),
  atOneRate('a new token', withTokens(newTokens)),
  atOneRate('a forged token seen before', withTokens(oneForgery), { refused: true }),
  atOneRate('a new forged token', withTokens(newForgeries), { refused: true }),
  atOneRate('over the limit', get(64), { mode: 'limited', refused: true }),
  { name: IN_REDIS, group: FULL, mode: 'redis', load: get(64) },
  { name: ONE_PROCESS, group: 'processes', mode: 'full', only: /RS256|^bare Node proxy$|Gatepost/, load: get(64) },
  { name: TWO_PROCESSES, group: 'processes', mode: 'two processes', load: get(64) }
]
