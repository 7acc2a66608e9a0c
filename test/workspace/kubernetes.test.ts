import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { TObject } from '@sinclair/typebox'
import { parse, parseAllDocuments } from 'yaml'
import { expect, test } from 'vitest'
import { declarations } from '@gatepost/contracts/declarations'
import { prefixOf } from '@gatepost/contracts/service'
import { parseSettings } from '@gatepost/service-kit/settings'

interface EnvVar {
  name: string
  value?: string
  valueFrom?: { secretKeyRef?: { name: string, key: string }, resourceFieldRef?: { resource: string } }
}
interface Probe {
  httpGet: { path: string, port: string }
}
interface Container {
  image: string
  args: string[]
  env: EnvVar[]
  ports: Array<{ name: string, containerPort: number }>
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
  lifecycle: { preStop: { sleep: { seconds: number } } }
  resources: { requests: Record<string, string>, limits: { memory: string } }
  securityContext: { readOnlyRootFilesystem: boolean }
}
interface PodSpec {
  containers: [Container]
  securityContext: { runAsNonRoot: boolean }
  terminationGracePeriodSeconds: number
  enableServiceLinks: boolean
}
interface Resource {
  kind: string
  metadata: { name: string }
  data?: Record<string, string>
  spec: {
    replicas?: number
    strategy?: { rollingUpdate: { maxSurge: number } }
    selector?: { matchLabels: Record<string, string> }
    template?: { metadata: { labels: Record<string, string> }, spec: PodSpec }
    ports?: Array<{ name: string, port: number }>
    clusterIP?: string
  }
}

const SERVICES = declarations.map(({ name }) => name)
const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0
/** What a process takes to drain at most, in seconds. */
const DRAIN = 25
const root = fileURLToPath(new URL('../../', import.meta.url))
/** What the variables of a service begin with. */
const files = globSync('deploy/kubernetes/**/*.yaml', { cwd: root })
const resources = files.filter((file) => basename(file) !== 'kustomization.yaml').flatMap((file) => {
  return parseAllDocuments(readFileSync(join(root, file), 'utf8')).map((document) => {
    expect(document.errors, file).toEqual([])
    return document.toJS() as Resource
  })
})
const named = (kind: string, name: string) =>
  resources.find((resource) => resource.kind === kind && resource.metadata.name === name)
const podOf = (kind: string, name: string) => named(kind, name)!.spec.template!.spec
const settings = named('ConfigMap', 'gatepost')!.data!

async function settingsSchemaOf (service: string): Promise<TObject> {
  return (await import(pathToFileURL(join(root, `services/${service}/src/config.ts`)).href)).settingsSchema
}

test('auth is given every secret and everything about mail that an operator can set', async () => {
  const { properties } = await settingsSchemaOf('auth')
  const given = podOf('Deployment', 'auth').containers[0].env.map(({ name }) => name)
  const chosen = Object.entries(properties).filter(([name, { secret }]) => secret || /MAIL(?!_DIR)/.test(name)).map((
    [name]
  ) => name)
  expect(chosen.filter((name) => !given.includes(name))).toEqual([])
})

test('the kustomizations list every file', () => {
  const listed = files.filter((file) => basename(file) === 'kustomization.yaml').flatMap((file) => {
    const { resources: names } = parse(readFileSync(join(root, file), 'utf8')) as { resources: string[] }
    return [file, ...names.map((name) => join(dirname(file), name))]
  })
  expect(new Set(listed)).toEqual(new Set(files))
})

test('a release has jobs of its own: none that is there would have to change', () => {
  for (const { metadata: { name } } of resources.filter(({ kind }) => kind === 'Job')) {
    expect(name).toMatch(/^[a-z]+-RELEASE$/)
  }
  const kustomize = (folder: string) => execFileSync('kubectl', ['kustomize', join(root, folder)], { encoding: 'utf8' })
  if (!hasKubectl) {
    process.stdout.write('no kubectl here: what kustomize makes of deploy/kubernetes is not looked at\n')
    return
  }
  expect(kustomize('deploy/kubernetes/jobs')).toMatch(/^ {2}name: migrate-1$/m)
  expect(kustomize('deploy/kubernetes')).not.toMatch(/RELEASE|kind: Job$|image: gatepost/m)
})

test('nothing starts with whatever addresses believed about clients', async () => {
  const schema = await settingsSchemaOf('gateway')
  expect(() => parseSettings(schema, { ...settings })).toThrow(/TRUSTED_PROXIES/)
})

test('all replicas with a surge and the jobs fit into the 100 connections of a PostgreSQL as it comes', () => {
  // Beside the pool: the relay’s lease, its two and its listener; feed’s consumers have eight in place of a relay.
  const others = { auth: 4, posts: 4, feed: 8 }
  const connections = Object.entries(others).map(([service, other]) => {
    const { replicas, strategy } = named('Deployment', service)!.spec
    const pool = Number(settings[`${prefixOf(service)}_DATABASE_POOL`])
    return (replicas! + strategy!.rollingUpdate.maxSurge) * (pool + other)
  })
  const [jobs, superusers] = [4, 3]
  expect(connections.reduce((sum, count) => sum + count, jobs + superusers)).toBeLessThanOrEqual(100)
})

test('passwords are hashed by the cores of the pod, not of the node', () => {
  const { env, resources: { requests } } = podOf('Deployment', 'auth').containers[0]
  const { valueFrom } = env.find(({ name }) => name === 'HASH_CONCURRENCY')!
  expect(valueFrom).toEqual({ resourceFieldRef: { resource: 'requests.cpu' } })
  expect(requests.cpu).toMatch(/^\d+$/)
})

test.each(SERVICES)(
  '%s has every setting that it cannot do without, and no name that nobody knows',
  async (service) => {
    const schema = await settingsSchemaOf(service)
    const own = podOf('Deployment', service).containers[0].env.map(({ name }) => name)
    expect(own.filter((name) => !(name in schema.properties))).toEqual([])
    const given = new Set([...own, ...Object.keys(settings)])
    const required = (schema.required as string[]).filter((name) => schema.properties[name]!.default === undefined)
    expect(required.filter((name) => !given.has(name))).toEqual([])
    for (const { name, value } of podOf('Deployment', service).containers[0].env) {
      if (schema.properties[name]!.secret) expect(value, `${name} comes from a secret`).toBeUndefined()
    }
  }
)

test('every shared setting is known to some process', async () => {
  const known =
    new Set((await Promise.all(SERVICES.map(settingsSchemaOf))).flatMap((schema) => Object.keys(schema.properties)))
  expect(Object.keys(settings).filter((name) => !known.has(name))).toEqual([])
})

test.each(SERVICES)('%s listens, is probed, scraped and addressed on one and the same port', async (service) => {
  const schema = await settingsSchemaOf(service)
  const [container] = podOf('Deployment', service).containers
  const defaults = [`${prefixOf(service)}_PORT`, `${prefixOf(service)}_OPS_PORT`].map((name) =>
    Number(schema.properties[name]!.default)
  )
  expect(container.ports.map(({ containerPort }) => containerPort)).toEqual(defaults)
  expect(named('Service', service)!.spec.ports!.map(({ port }) => port)).toEqual([defaults[0]])
  expect(container.startupProbe.httpGet).toEqual({ path: '/live', port: 'http' })
  expect(container.livenessProbe.httpGet, 'a broken dependency is no reason to restart').toEqual({
    path: '/live',
    port: 'http'
  })
  expect(container.readinessProbe.httpGet).toEqual({ path: '/ready', port: 'http' })
})

test.each(SERVICES)('%s survives a rollout and a drained node: replicas, budget, time to drain', (service) => {
  const pod = podOf('Deployment', service)
  expect(named('Deployment', service)!.spec.replicas).toBeGreaterThan(1)
  expect(named('PodDisruptionBudget', service)!.spec.selector).toEqual(named('Deployment', service)!.spec.selector)
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(pod.containers[0].lifecycle.preStop.sleep.seconds + DRAIN)
  expect(pod.containers[0].resources.limits.memory).toMatch(/^\d+Mi$/)
})

test('the gateway sees the pods of a service, and the outside world one gateway', () => {
  for (const service of SERVICES) {
    expect(named('Service', service)!.spec.clusterIP, service).toBe(service === 'gateway' ? undefined : 'None')
  }
})

test('pods run without root on a read-only file system, and service links do not overwrite *_PORT', () => {
  const pods = resources.filter(({ spec }) => spec?.template).map(({ kind, spec }) => ({
    kind,
    pod: spec.template!.spec
  }))
  expect(pods).toHaveLength(SERVICES.length + 3)
  for (const { kind, pod } of pods) {
    expect(pod.securityContext.runAsNonRoot).toBe(true)
    expect(pod.containers[0].securityContext.readOnlyRootFilesystem).toBe(true)
    const [program, file] = pod.containers[0].args
    if (program === 'node') expect(existsSync(join(root, file!)), file).toBe(true)
    if (kind === 'Deployment') expect(pod.enableServiceLinks).toBe(false)
  }
})

test('the README names every secret and key that the manifests refer to', () => {
  const readme = readFileSync(join(root, 'deploy/README.md'), 'utf8')
  const references = resources.flatMap(({ spec }) => spec?.template?.spec.containers[0].env ?? []).flatMap((
    { valueFrom }
  ) => valueFrom?.secretKeyRef ? [valueFrom.secretKeyRef] : [])
  expect(references.length).toBeGreaterThan(10)
  const generated = SERVICES.filter((name) =>
    readFileSync(join(root, `deploy/kubernetes/${name}.yaml`), 'utf8').startsWith('# Generated')
  ).join('|') || 'posts'
  for (const { name, key } of references) {
    // The place of a service that has none of its own is that of posts, in another name.
    const generic = (text: string) => text.replace(new RegExp(`\\b(${generated})\\b`), 'posts')
    expect(readme).toContain(`\`${generic(name)}\``)
    expect(readme).toContain(`\`${generic(key)}\``)
  }
})
