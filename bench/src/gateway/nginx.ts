import { limitOf, type Mode } from './mode.ts'

/** One nginx process in a temporary folder; what goes into `http` is given. */
export const nginxMain = (folder: string, http: string) => `
daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log /dev/null crit;
events { worker_connections 16384; }
http {
  keepalive_requests 10000000; keepalive_timeout 600s; server_tokens off; default_type application/json;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  ${http}
}`

/**
 * Debian's nginx with as much of the policy as it has: a limit by address, security headers, a request id, a log line.
 */
export function nginxConfig (
  { port, upstream, mode, folder }: { port: number, upstream: string, mode: Mode, folder: string }
) {
  const [max] = limitOf(mode)
  const rate = max === 1 ? '1r/m' : '1000000r/s'
  const policy = `
      limit_req zone=clients burst=${max === 1 ? 1 : 100000} nodelay;
      limit_req_status 429;
      proxy_set_header x-request-id $request_id;
      add_header strict-transport-security "max-age=31536000; includeSubDomains" always;
      add_header x-content-type-options nosniff always;
      add_header x-frame-options SAMEORIGIN always;
      add_header content-security-policy "default-src 'self'" always;
      add_header referrer-policy no-referrer always;
      add_header x-request-id $request_id always;`
  return nginxMain(folder, `
  limit_req_zone $binary_remote_addr zone=clients:1m rate=${rate};
  access_log ${mode === 'plain' ? 'off' : '/dev/null combined buffer=64k flush=1s'};
  upstream service { server ${new URL(upstream).host}; keepalive 1024; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header connection "";${mode === 'plain' ? '' : policy}
    }
  }`)
}
