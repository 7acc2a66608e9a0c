import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinary, NATS } from '@gatepost/local-stack/binaries'
import { startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { brokerUsers } from '@gatepost/testing/broker'
import { brokerConfiguration } from '../../src/broker-configuration.ts'
import { brokerAuthorization } from '../../src/permissions.ts'

/** Three nats-servers that replicate, with the real accounts. */
export async function startCluster () {
  const users = brokerUsers()
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-cluster-'))
  const binary = await findBinary(NATS)
  const ports = await freePorts(6)
  const [clients, routes] = [ports.slice(0, 3), ports.slice(3)]
  const children = await Promise.all(clients.map(async (port, at) => {
    const dataDir = join(folder, String(at))
    await mkdir(dataDir)
    const config = join(dataDir, 'nats-server.conf')
    await writeFile(config, brokerConfiguration({
      listen: `127.0.0.1:${port}`,
      serverName: `node-${at}`,
      storeDir: join(dataDir, 'store'),
      cluster: {
        listen: `127.0.0.1:${routes[at]}`,
        password: 'secret-of-routes',
        routes: routes.map((route) => `127.0.0.1:${route}`)
      },
      authorization: brokerAuthorization(users)
    }))
    const child = startChild(binary.path, ['-c', config], {
      name: 'nats-server',
      env: { ...process.env, ...binary.env }
    })
    await waitForPort(child, port!)
    return child
  }))
  return {
    urlOf: (account: keyof typeof users) =>
      clients.map((port) => `nats://${users[account].user}:${users[account].password}@127.0.0.1:${port}`).join(','),
    async stop () {
      await Promise.all(children.map((child) => child.stop()))
      await rm(folder, { recursive: true, force: true })
    }
  }
}
