import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isCollection, parseAllDocuments, visit } from 'yaml'
import { expect, test } from 'vitest'
import { parseSettings } from '@gatepost/service-kit/settings'
import { prefixOf } from '@gatepost/contracts/service'
import {
  compose,
  containers,
  root,
  secrets,
  secretsFile,
  SERVICES,
  settingsSchemaOf,
  text
} from './support/compose-file.ts'

test.each(['docker-compose.yml', ...globSync('deploy/**/*.{yml,yaml}', { cwd: root })])(
  '%s quotes what libyaml, which Docker Compose and kubectl read with, would cut off in a flow collection', (file) => {
    const cut: string[] = []
    for (const document of parseAllDocuments(readFileSync(join(root, file), 'utf8'))) {
      visit(document, {
        Scalar (key, { type, source = '' }, path) {
          if (type === 'PLAIN' && path.findLast(isCollection)?.flow && source.includes('?')) cut.push(source)
        }
      })
    }
    expect(cut).toEqual([])
  })

test('deploy/create-env.sh makes one long secret for each, readable by its owner alone, and overwrites none', () => {
  const wanted = new Set([...text.matchAll(/\$\{(\w+)(?::\?[^}]*)?\}/g)].map(([, name]) => name))
  expect(new Set(Object.keys(secrets))).toEqual(wanted)
  expect(new Set(Object.values(secrets)).size).toBe(wanted.size)
  for (const secret of Object.values(secrets)) expect(secret).toMatch(/^[0-9a-f]{64}$/)
  expect(statSync(secretsFile).mode & 0o777).toBe(0o600)
  expect(() => execFileSync('sh', [join(root, 'deploy/create-env.sh'), secretsFile], { stdio: 'pipe' }))
    .toThrow(/exists already/)
})

test.each(SERVICES)('%s starts with exactly settings that it knows, and all that it needs', async (service) => {
  const schema = await settingsSchemaOf(service)
  const environment = compose.services[service]!.environment!
  expect(Object.keys(environment).filter((name) => !(name in schema.properties))).toEqual([])
  expect(() => parseSettings(schema, environment)).not.toThrow()
})

test('no secret of one service is in the environment of another', () => {
  for (const [name, secret] of Object.entries(secrets)) {
    const holders = containers.filter(([, { environment = {} }]) =>
      Object.values(environment).some((value) => value.includes(secret))
    ).map(([holder]) => holder)
    const services = holders.filter((holder) => (SERVICES as readonly string[]).includes(holder))
    expect(services.length, `${name} is known to ${services.join(', ')}`).toBeLessThanOrEqual(1)
    expect(text, name).not.toContain(`${name}:-`)
  }
})

test('upstreams, brokers and databases are containers that share a network and listen on that port', async () => {
  const ports: Record<string, string> = { postgres: '5432', nats: '4222', redis: '6379' }
  for (const service of SERVICES) {
    const { default: port } = (await settingsSchemaOf(service)).properties[`${prefixOf(service)}_PORT`]!
    ports[service] = port
  }
  let seen = 0
  for (const [name, { environment = {}, networks = [] }] of containers) {
    for (const [variable, value] of Object.entries(environment)) {
      if (!/_URL$/.test(variable) || variable === 'PUBLIC_URL' || value === '') continue
      const { hostname, port } = new URL(value)
      expect(port, `${name}: ${variable}`).toBe(ports[hostname])
      expect(
        networks.some((network) => compose.services[hostname]!.networks!.includes(network)),
        `${name} reaches ${hostname}`
      ).toBe(true)
      seen++
    }
  }
  expect(seen).toBeGreaterThan(12)
})

test('auth is given every secret and everything about mail that an operator can set', async () => {
  const { properties } = await settingsSchemaOf('auth')
  const chosen = Object.entries(properties).filter(([name, { secret }]) => secret || /MAIL/.test(name))
    .map(([name]) => name)
  expect(chosen.length).toBeGreaterThan(8)
  expect(chosen.filter((name) => compose.services.auth!.environment![name] === undefined)).toEqual([])
})

test('the order of the start: servers, their set-up, services, gateway; each waits for health or success', () => {
  const order: string[] = []
  const visit = (name: string, path: string[]) => {
    expect(path, 'no circle').not.toContain(name)
    if (order.includes(name)) return
    for (const [other, { condition }] of Object.entries(compose.services[name]!.depends_on ?? {})) {
      const target = compose.services[other]!
      expect(target, `${name} waits for ${other}`).toBeDefined()
      if (condition === 'service_healthy') expect(target.healthcheck, other).toBeDefined()
      else expect(condition).toBe('service_completed_successfully')
      visit(other, [...path, name])
    }
    order.push(name)
  }
  visit('front', [])
  const started = containers.filter(([, { profiles }]) => !profiles).map(([name]) => name)
  expect(new Set(order)).toEqual(new Set(started))
  for (const service of SERVICES) expect(compose.services[service]!.healthcheck!.test.join(' ')).toContain('/ready')
})

test('what has to survive is on a named volume', () => {
  const mounts = containers.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]!))
  const [files, volumes] = [true, false].map((isFile) => mounts.filter((mount) => mount.startsWith('./') === isFile))
  expect(new Set(volumes)).toEqual(new Set(Object.keys(compose.volumes)))
  for (const file of files!) expect(existsSync(join(root, file)), file).toBe(true)
  const store = compose.services['broker-configuration']!.environment!.NATS_STORE_DIR
  expect(compose.services.nats!.volumes).toContain(`broker-data:${store}`)
})
