import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '@gatepost/local-stack/ports'
import { startChild, waitForPort } from '@gatepost/local-stack/child'
import { pinned, which } from './machine.ts'

const ID = '01900000-0000-7000-8000-00000000000a'
export const POST_PATH = `/api/posts/${ID}`
const post = JSON.stringify({ id: ID, authorId: ID, title: 'A title', content: 'x'.repeat(600), version: 1, createdAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z' })

export interface Upstream {
  url: string
  stop (): Promise<void>
}

/** Answers every GET with one post and every POST with 201, as fast as can be: nginx where there is one, else Node. */
export async function startUpstream (jwks: object): Promise<Upstream> {
  const [port] = await freePorts(1) as [number]
  const nginx = which('nginx')
  if (!nginx) return nodeUpstream(port, jwks)
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-bench-'))
  await writeFile(join(folder, 'nginx.conf'), `
    daemon off; master_process off; pid ${folder}/pid; error_log /dev/null;
    events { worker_connections 8192; }
    http {
      access_log off; keepalive_requests 10000000; keepalive_timeout 600s; client_body_temp_path ${folder}; proxy_temp_path ${folder};
      fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
      server {
        listen 127.0.0.1:${port}; default_type application/json;
        location = /.well-known/jwks.json { return 200 '${JSON.stringify(jwks)}'; }
        location = /live { return 200 '{"status":"up"}'; }
        location / { if ($request_method = POST) { return 201 '${post}'; } return 200 '${post}'; }
      }
    }`)
  const child = startChild(...pinned(1, nginx, ['-c', join(folder, 'nginx.conf'), '-p', folder]), { name: 'nginx (upstream)' })
  await waitForPort(child, port)
  return { url: `http://127.0.0.1:${port}`, stop: async () => { await child.stop(); await rm(folder, { recursive: true, force: true }) } }
}

async function nodeUpstream (port: number, jwks: object): Promise<Upstream> {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' }).end(request.url === '/.well-known/jwks.json' ? JSON.stringify(jwks) : post)
  })
  await new Promise<void>((resolve) => { server.listen(port, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${port}`, stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()) }) }
}
