import { limitOf, type Mode } from './mode.ts'

/** HAProxy with the same policy: JWT verified, a limit per address, an id, security headers, one log line. */
export function haproxyConfig (
  { port, upstream, mode, alg, keyFile }: { port: number, upstream: string, mode: Mode, alg: string, keyFile: string }
) {
  const [max, seconds] = limitOf(mode)
  const policy = `
  log global
  option httplog
  stick-table type ip size 100k expire ${seconds + 10}s store http_req_rate(${seconds}s)
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${max} }
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless { var(txn.alg) -m str "${alg}" }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"${keyFile}") 1 }
  http-request set-header x-user-id %[var(txn.bearer),jwt_payload_query('$.sub')]
  http-request set-header x-request-id %[uuid]
  http-response set-header strict-transport-security "max-age=31536000; includeSubDomains"
  http-response set-header x-content-type-options nosniff
  http-response set-header x-frame-options SAMEORIGIN
  http-response set-header content-security-policy "default-src 'self'"
  http-response set-header referrer-policy no-referrer`
  return `
global
  nbthread ${mode === 'two processes' ? 2 : 1}
  maxconn 4000
  tune.pool-high-fd-ratio 90
  tune.pool-low-fd-ratio 80
  log stdout format raw local0
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  http-reuse always
frontend edge
  bind 127.0.0.1:${port}${mode === 'plain' ? '' : policy}
  default_backend service
backend service
  server one ${new URL(upstream).host}
`
}
