import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { TObject } from '@sinclair/typebox'
import { isCollection, parse, parseAllDocuments, visit } from 'yaml'
import { afterAll, expect, test } from 'vitest'
import { NATS } from '@gatepost/local-stack/binaries'
import { LEAN_MALLOC } from '@gatepost/local-stack/services'
import { parseSettings } from '@gatepost/service-kit/settings'

interface Container {
  image: string
  build?: { dockerfile: string, target: string }
  command?: string[]
  environment?: Record<string, string>
  networks?: string[]
  ports?: string[]
  volumes?: string[]
  read_only?: boolean
  cap_drop?: string[]
  healthcheck?: { test: string[] }
  depends_on?: Record<string, { condition: string }>
}

const SERVICES = ['gateway', 'auth', 'posts', 'feed'] as const
const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'gatepost-compose-'))
afterAll(() => rmSync(folder, { recursive: true }))

const secretsFile = join(folder, '.env')
execFileSync('sh', [join(root, 'deploy/create-env.sh'), secretsFile])
const secrets = Object
  .fromEntries(readFileSync(secretsFile, 'utf8').trim().split('\n').map((line) => line.split('=') as [string, string]))

const dockerfile = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
/** As `docker compose config` resolves it, with nothing set but the secrets. */
const compose: {
  services: Record<string, Container>
  networks: Record<string, { internal?: boolean }>
  volumes: Record<string, unknown>
} = parse(
  text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (whole, name: string, mark: string | undefined, rest: string) => {
    const value = secrets[name] ?? (mark === '-' ? rest : undefined)
    if (value === undefined) throw new Error(`${whole}: neither deploy/create-env.sh nor a default gives it a value`)
    return value
  }), { merge: true })
const containers = Object.entries(compose.services)
for (const [, container] of containers) {
  if (container.environment) {
    container.environment = Object
      .fromEntries(Object.entries(container.environment).map(([name, value]) => [name, String(value ?? '')]))
  }
}

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

async function settingsSchemaOf (service: string): Promise<TObject> {
  return (await import(pathToFileURL(join(root, `services/${service}/src/config.ts`)).href)).settingsSchema
}

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
    const { default: port } = (await settingsSchemaOf(service)).properties[`${service.toUpperCase()}_PORT`]!
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

test('every command names a file that exists, and every image and target is built by the Dockerfile or pinned', () => {
  for (const [name, { image, build, command = [] }] of containers) {
    if (build) {
      expect(build.dockerfile).toBe('deploy/Dockerfile')
      expect(dockerfile).toContain(` AS ${build.target}\n`)
      expect(command[0], name).toBe('node')
      expect(existsSync(join(root, command[1]!)), `${name}: ${command[1]}`).toBe(true)
    } else {
      expect(image, name).toMatch(/:\d/)
    }
  }
  expect(compose.services.nats!.image, 'the version that runs on a developer’s machine')
    .toContain(`:${NATS.release!.version}-`)
})

test('the image takes memory as sparingly as what runs on a developer’s machine', () => {
  expect(dockerfile)
    .toContain(`ENV ${Object.entries(LEAN_MALLOC).map(([name, value]) => `${name}=${value}`).join(' ')}\n`)
})

test('auth is given every secret and everything about mail that an operator can set', async () => {
  const { settingsSchema } = await import(pathToFileURL(join(root, 'services/auth/src/config.ts')).href) as {
    settingsSchema: TObject
  }
  const chosen = Object.entries(settingsSchema.properties).filter(([name, { secret }]) => secret || /MAIL/.test(name))
    .map(([name]) => name)
  expect(chosen.length).toBeGreaterThan(8)
  expect(chosen.filter((name) => compose.services.auth!.environment![name] === undefined)).toEqual([])
})

test('only the gateway can be reached, from the machine itself; auth alone gets out, to its mail server', () => {
  expect(containers.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual(['gateway'])
  expect(compose.services.gateway!.ports).toEqual(['127.0.0.1:3000:3000'])
  const open = Object.entries(compose.networks).filter(([, network]) => !network?.internal).map(([name]) => name)
  expect(containers.filter(([, { networks = [] }]) => networks.some((network) => open.includes(network))).map((
    [name]
  ) => name)).toEqual(['auth', 'gateway'])
})

test('our containers run without root, without capabilities and on a read-only file system', () => {
  for (const [name, { build, read_only: readOnly, cap_drop: dropped }] of containers) {
    if (build) expect({ name, readOnly, dropped }).toEqual({ name, readOnly: true, dropped: ['ALL'] })
  }
  for (const stage of dockerfile.split(/^FROM /m).filter((part) => / AS (tools|service)\n/.test(part))) {
    expect(stage).toMatch(/^USER node$/m)
  }
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
  visit('gateway', [])
  expect(new Set(order)).toEqual(new Set(Object.keys(compose.services)))
  for (const service of SERVICES) expect(compose.services[service]!.healthcheck!.test.join(' ')).toContain('/ready')
})

test('what has to survive is on a named volume', () => {
  const mounts = containers.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]!))
  expect(new Set(mounts)).toEqual(new Set(Object.keys(compose.volumes)))
  const store = compose.services['broker-configuration']!.environment!.NATS_STORE_DIR
  expect(compose.services.nats!.volumes).toContain(`broker-data:${store}`)
})

test('the image runs the Node of the workspace, and copies what exists', () => {
  const workspace = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect(dockerfile).toContain(`FROM node:${workspace.dependencies.node}-`)
  for (const [, path] of dockerfile.matchAll(/^COPY (?!--from)(?:.* )?(\S+) \S+$/gm)) {
    expect(existsSync(join(root, path!)), path).toBe(true)
  }
})
