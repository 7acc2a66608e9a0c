import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import type { Ground } from '../lab/ground.ts'
import { coresFor, pinned, which } from '../lab/machine.ts'
import { nginxMain } from './nginx.ts'

const ID = '01900000-0000-7000-8000-00000000000a'
export const POST_PATH = `/api/posts/${ID}`
export const PUBLIC_PATH = '/.well-known/jwks.json'
const post = JSON.stringify({
  id: ID,
  authorId: ID,
  title: 'A title',
  content: 'x'.repeat(600),
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z'
})

/**
 * Answers every GET with one post and every POST with 201, as fast as can be: nginx where there is one, else Node.
 * Returns its URL and its process.
 */
export async function startUpstream (ground: Ground, jwks: object): Promise<{ url: string, pid: number }> {
  const [port] = await freePorts(1) as [number]
  const nginx = which('nginx')
  if (!nginx) return nodeUpstream(ground, port, jwks)
  const folder = await ground.folder()
  await writeFile(join(folder, 'nginx.conf'), nginxMain(folder, `access_log off;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = ${PUBLIC_PATH} { return 200 '${JSON.stringify(jwks)}'; }
    location = /live { return 200 '{"status":"up"}'; }
    location / { if ($request_method = POST) { return 201 '${post}'; } return 200 '${post}'; }
  }`
  )
  )
  const child = startChild(...pinned(coresFor(1).rest, nginx, ['-c', join(folder, 'nginx.conf'), '-p', folder]), {
    name: 'nginx (upstream)'
  })
  ground.onEnd(() => child.stop())
  await waitForPort(child, port)
  return { url: `http://127.0.0.1:${port}`, pid: child.pid }
}

async function nodeUpstream (ground: Ground, port: number, jwks: object) {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
      .end(request.url === PUBLIC_PATH ? JSON.stringify(jwks) : post)
  })
  await new Promise<void>((resolve) => { server.listen(port, '127.0.0.1', resolve) })
  ground.onEnd(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve) }))
  return { url: `http://127.0.0.1:${port}`, pid: process.pid }
}
