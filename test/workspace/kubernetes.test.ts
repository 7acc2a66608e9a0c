import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { TObject } from '@sinclair/typebox'
import { parse, parseAllDocuments } from 'yaml'
import { expect, test } from 'vitest'

interface EnvVar {
  name: string
  value?: string
  valueFrom?: { secretKeyRef: { name: string, key: string } }
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
  resources: { limits: { memory: string } }
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
    selector?: { matchLabels: Record<string, string> }
    template?: { metadata: { labels: Record<string, string> }, spec: PodSpec }
    ports?: Array<{ name: string, port: number }>
    clusterIP?: string
  }
}

const SERVICES = ['gateway', 'auth', 'posts', 'feed'] as const
/** What a process takes to drain at most, in seconds. */
const DRAIN = 25
const root = fileURLToPath(new URL('../../', import.meta.url))
const files = globSync('deploy/kubernetes/*.yaml', { cwd: root })
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

test('the kustomization lists every file', () => {
  const { resources: listed } = parse(readFileSync(join(root, 'deploy/kubernetes/kustomization.yaml'), 'utf8')) as {
    resources: string[]
  }
  expect(new Set([...listed, 'kustomization.yaml'])).toEqual(new Set(files.map((file) => basename(file))))
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
  const defaults = [`${service.toUpperCase()}_PORT`, `${service.toUpperCase()}_OPS_PORT`].map((name) =>
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
  expect(pods).toHaveLength(6)
  for (const { kind, pod } of pods) {
    expect(pod.securityContext.runAsNonRoot).toBe(true)
    expect(pod.containers[0].securityContext.readOnlyRootFilesystem).toBe(true)
    expect(existsSync(join(root, pod.containers[0].args[1]!)), pod.containers[0].args[1]).toBe(true)
    if (kind === 'Deployment') expect(pod.enableServiceLinks).toBe(false)
  }
})

test('the README names every secret and key that the manifests refer to', () => {
  const readme = readFileSync(join(root, 'deploy/README.md'), 'utf8')
  const references = resources.flatMap(({ spec }) => spec?.template?.spec.containers[0].env ?? []).flatMap((
    { valueFrom }
  ) => valueFrom ? [valueFrom.secretKeyRef] : [])
  expect(references.length).toBeGreaterThan(10)
  for (const { name, key } of references) {
    expect(readme).toContain(`\`${name}\``)
    expect(readme).toContain(`\`${key}\``)
  }
})
