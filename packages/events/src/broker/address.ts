/**
 * Takes `user:password@` out of a comma-separated list of server addresses; the client library would take it for a
 * host.
 */
export function addressOf (servers: string): { hosts: string[], user?: string, pass?: string } {
  const urls = servers.split(',').map((server) => {
    const text = server.trim()
    return new URL(/^[a-z]+:\/\//.test(text) ? text : `nats://${text}`)
  })
  const credentials = urls.find((url) => url.username !== '')
  return {
    hosts: urls.map((url) => `${url.protocol}//${url.hostname}:${url.port || '4222'}`),
    ...(credentials
      ? { user: decodeURIComponent(credentials.username), pass: decodeURIComponent(credentials.password) }
      : {})
  }
}
