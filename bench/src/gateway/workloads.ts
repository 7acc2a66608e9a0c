import { type Load } from './load.ts'
import { POST_PATH } from './upstream.ts'
import { accessToken } from './tokens.ts'
import { type Peer } from './peers.ts'

export interface Workload {
  name: string
  load (peer: Peer, seconds: number): Load
  /** Whether refusals are what is wanted. */
  refused?: boolean
}

const body = JSON.stringify({ title: 'A title', content: 'x'.repeat(980) })
const get = (peer: Peer, seconds: number, connections: number): Load => ({
  url: peer.url + POST_PATH, method: 'GET', headers: { authorization: `Bearer ${accessToken(peer.signer)}` }, connections, seconds
})

/** As many different tokens as a run sends only once or twice, so that a cache of verified ones is of no use. */
const NEW_TOKENS = 60_000

export const workloads: Workload[] = [
  { name: 'GET, 64 connections', load: (peer, seconds) => get(peer, seconds, 64) },
  { name: 'GET, 1024 connections', load: (peer, seconds) => get(peer, seconds, 1024) },
  {
    name: 'POST 1 KB, 64 connections',
    load: (peer, seconds) => ({ ...get(peer, seconds, 64), url: `${peer.url}/api/posts`, method: 'POST', body, headers: { authorization: `Bearer ${accessToken(peer.signer)}`, 'content-type': 'application/json' } })
  },
  {
    name: 'GET, every token new',
    load: (peer, seconds) => ({ ...get(peer, seconds, 64), headers: {}, tokens: Array.from({ length: NEW_TOKENS }, (_, n) => accessToken(peer.signer, n)) })
  },
  {
    name: 'forged token refused',
    refused: true,
    load: (peer, seconds) => ({ ...get(peer, seconds, 64), headers: { authorization: `Bearer ${accessToken(peer.signer).slice(0, -6)}AAAAAQ` } })
  }
]
