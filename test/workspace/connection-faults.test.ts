import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { connectOperator } from '@gatepost/events/operator'
import { connectionFault } from '../../scripts/connection-fault.ts'
import { deploy } from '../../scripts/migrate/deploy.ts'
import { selfSigned } from '../../services/gateway/test/support/certificate.ts'

const closers: (() => void)[] = []
afterEach(() => { for (const close of closers.splice(0)) close() })

/** Listens as a server of PostgreSQL does for as long as it takes to agree on TLS. */
async function listen (greet: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {}) // the client leaves in the middle
    greet(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

function secure (socket: Socket) {
  new TLSSocket(socket, { isServer: true, ...selfSigned }).on('error', () => {})
}

/** What migrating with this URL says; the variable is set as a user would have it. */
async function faultOf (url: string) {
  process.env.POSTS_MIGRATION_DATABASE_URL = url
  closers.push(() => { delete process.env.POSTS_MIGRATION_DATABASE_URL })
  return deploy('posts', url).then(() => '', (error: Error) => error.message)
}

test('a certificate that nobody vouches for: the variable that names the CA', async () => {
  const port = await listen((socket) =>
    socket.once('data', () => {
      socket.write('S')
      secure(socket)
    })
  )
  expect(await faultOf(`postgresql://ada:secret@localhost:${port}/posts?sslmode=verify-full`))
    .toBe(
      'POSTS_MIGRATION_DATABASE_URL: self-signed certificate; name the file of the CA that signed the server’s ' +
      'certificate in NODE_EXTRA_CA_CERTS'
    )
})

test('a server without TLS: the part of the URL that asks for it', async () => {
  const port = await listen((socket) => socket.once('data', () => socket.write('N')))
  expect(await faultOf(`postgresql://ada:secret@127.0.0.1:${port}/posts?sslmode=verify-full`))
    .toBe(
      'POSTS_MIGRATION_DATABASE_URL: The server does not support SSL connections; ' +
      'take sslmode out of POSTS_MIGRATION_DATABASE_URL, or switch TLS on at the server'
    )
})

test('a raw percent sign: how to write it', async () => {
  expect(await faultOf('postgresql://ada:100%sure@127.0.0.1:9/posts'))
    .toBe(
      'POSTS_MIGRATION_DATABASE_URL: a % in it is followed by no two hexadecimal digits; write the % of a password ' +
      'as %25'
    )
})

test('nobody there: which variable says where', async () => {
  expect(await faultOf('postgresql://ada:secret@127.0.0.1:9/posts'))
    .toBe('POSTS_MIGRATION_DATABASE_URL: connect ECONNREFUSED 127.0.0.1:9')
})

test('a broker whose certificate nobody vouches for: the same variable for its CA', async () => {
  const info = JSON.stringify({
    server_id: 'x',
    version: '2.10.0',
    proto: 1,
    max_payload: 1_000_000,
    tls_required: true
  })
  const port = await listen((socket) => {
    socket.write(`INFO ${info}\r\n`)
    secure(socket)
  })
  const fault = await connectOperator(`tls://localhost:${port}`).catch((error: unknown) => error)
  expect(connectionFault('NATS_URL', fault).message)
    .toBe(
      'NATS_URL: self-signed certificate; name the file of the CA that signed the server’s certificate in ' +
      'NODE_EXTRA_CA_CERTS'
    )
})
