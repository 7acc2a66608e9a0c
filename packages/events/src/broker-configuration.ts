/** One nats-server of a cluster. */
export interface ClusterMember {
  /** Address and port for the other servers. */
  listen: string
  /** What the servers show each other; the same on all of them. */
  password: string
  /** Address and port of each server, this one may be among them. */
  routes: readonly string[]
}

export interface BrokerConfiguration {
  /** Address and port for clients. */
  listen: string
  /** Address and port of the health check and of what monitoring reads. */
  monitor?: string
  /** Another one for each server of a cluster. `$NAME` is a variable that the server itself reads. */
  serverName: string
  /** Where the streams are kept. */
  storeDir: string
  /** Bytes that all streams together take at most; by default three quarters of the disk. */
  maxStore?: number | undefined
  cluster?: ClusterMember | undefined
  /** The accounts, see `brokerAuthorization`. */
  authorization: string
}

/** The largest message that the servers take; an event that is larger is refused when its row is written. */
const MAX_PAYLOAD = '1MB'
const ROUTE_USER = 'route'
const VARIABLE = /^\$[A-Za-z_][A-Za-z0-9_]*$/

/** The configuration of a nats-server in its own language. */
export function brokerConfiguration (
  { listen, monitor, serverName, storeDir, maxStore, cluster, authorization }: BrokerConfiguration
): string {
  const jetStream = [
    `store_dir: ${JSON.stringify(storeDir)}`,
    ...maxStore === undefined ? [] : [`max_file_store: ${maxStore}`]
  ]
  return `${[
    `listen: ${JSON.stringify(listen)}`,
    ...monitor === undefined ? [] : [`http: ${JSON.stringify(monitor)}`],
    `server_name: ${VARIABLE.test(serverName) ? serverName : JSON.stringify(serverName)}`,
    `max_payload: ${MAX_PAYLOAD}`,
    `jetstream { ${jetStream.join(', ')} }`,
    ...cluster ? [clusterBlock(cluster)] : [],
    authorization
  ].join('\n')}\n`
}

function clusterBlock ({ listen, password, routes }: ClusterMember) {
  const urls = routes.map((route) => `    ${JSON.stringify(`nats://${ROUTE_USER}:${password}@${route}`)}`)
  return `cluster {
  name: gatepost
  listen: ${JSON.stringify(listen)}
  authorization { user: ${ROUTE_USER}, password: ${JSON.stringify(password)}, timeout: 2 }
  routes: [
${urls.join('\n')}
  ]
}`
}
