import { globSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { matchesGlob } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise, type ICruiseResult, type IModule } from 'dependency-cruiser'
import { beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../', import.meta.url))
const PACKAGES = ['contracts', 'service-kit', 'events', 'service', 'local-stack', 'testing'] as const
const SERVICES = readdirSync(`${root}services`)
const TREES = ['packages', 'services', 'bench', 'deploy', 'examples', 'scripts', 'test']

/** Which packages each kind of code may import. */
const allowed: Record<string, readonly string[]> = {
  '^packages/contracts/': ['contracts'],
  '^packages/service-kit/': ['contracts', 'service-kit'],
  '^packages/events/src/': ['contracts', 'service-kit', 'events'],
  '^packages/service/src/': ['contracts', 'service-kit', 'events', 'service'],
  '^packages/events/test/': ['contracts', 'service-kit', 'events', 'local-stack', 'testing'],
  '^packages/client/src/': ['contracts', 'client'],
  '^packages/local-stack/': ['contracts', 'local-stack'],
  '^packages/testing/': ['contracts', 'service-kit', 'events', 'local-stack', 'testing'],
  '^services/[^/]+/src/': ['contracts', 'service-kit', 'events', 'service'],
  '^services/[^/]+/test/': ['contracts', 'service-kit', 'events', 'service', 'local-stack', 'testing'],
  '^test/(e2e|chaos)/': ['contracts', 'local-stack', 'testing', 'client']
}

let modules: IModule[]

beforeAll(async () => {
  const { output } = await cruise(TREES, {
    baseDir: root,
    exclude: { path: 'node_modules/|/generated/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.json', '.d.ts']
    },
    ruleSet: { forbidden: [{ name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } }] },
    validate: true
  })
  modules = (output as ICruiseResult).modules.filter(({ source }) => source.endsWith('.ts'))
}, 120_000)

function imports (from: RegExp, to: RegExp) {
  return modules.filter(({ source }) => from.test(source))
    .flatMap(({ source, dependencies }) =>
      dependencies.filter(({ resolved }) => to.test(resolved)).map(({ resolved }) => `${source} → ${resolved}`)
    )
}

test('the check has seen every module', () => {
  const files = globSync(`{${TREES.join()}}/**/*.ts`, {
    cwd: root,
    exclude: (name) => name === 'node_modules' || name === 'generated'
  })
  expect(modules.map(({ source }) => source)).toEqual(expect.arrayContaining(files))
  expect(modules.length).toBeGreaterThan(80)
  expect(imports(/^services\//, /^packages\//).length, 'imports across packages are followed').toBeGreaterThan(30)
})

test.each(Object.entries(allowed))('%s imports only %j of the packages', (from, packages) => {
  const others = [...PACKAGES, 'client'].filter((name) => !packages.includes(name))
  if (others.length > 0) expect(imports(new RegExp(from), new RegExp(`^packages/(${others.join('|')})/`))).toEqual([])
})

test('no service imports another, and no package imports a service', () => {
  for (const service of SERVICES) {
    const others = SERVICES.filter((name) => name !== service).join('|')
    expect(imports(new RegExp(`^services/${service}/`), new RegExp(`^services/(${others})/`))).toEqual([])
  }
  expect(imports(/^packages\//, /^services\//)).toEqual([])
  expect(imports(/^test\/(e2e|chaos)\//, /^services\//)).toEqual([])
})

test('there are no cycles', () => {
  const cycles = modules.flatMap(({ source, dependencies }) =>
    dependencies.filter(({ circular }) => circular).map(({ resolved }) => `${source} ⇄ ${resolved}`)
  )
  expect(cycles).toEqual([])
})

/** The folders of a member have an order. A file directly in `src` counts as a folder of its own. */
const LAYERED = globSync('{packages/*,services/*,bench}/src', { cwd: root }).map((path) => path.replace(/.src$/, ''))

test.each(LAYERED)('%s: no circle between its folders', (member) => {
  const inside = `${member}/src/`
  const folderOf = (path: string) => path.startsWith(inside) ? path.slice(inside.length).split('/')[0] : undefined
  const arrows = modules.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved }) => ({
      from: folderOf(source),
      to: folderOf(resolved),
      files: `${source} → ${resolved}`
    }))
  ).filter(({ from, to }) => from !== undefined && to !== undefined && from !== to)
  const targets = Map.groupBy(arrows, ({ from }) => from)
  const reached = (folder: string | undefined, seen = new Set<string | undefined>()) => {
    for (const { to } of targets.get(folder) ?? []) if (!seen.has(to)) reached(to, seen.add(to))
    return seen
  }
  expect(arrows.filter(({ from, to }) => reached(to).has(from)).map(({ files }) => files)).toEqual([])
})

/** The files of a service that does not exist yet. */
const template = globSync('scripts/new/template/**/*.tmpl', { cwd: root })
  .map((path) => readFileSync(root + path, 'utf8')).join('\n')

// Node refuses what is no door, so only doors that nobody uses are left to find. The client's are for others.
test.each(PACKAGES)('%s: each door is used from outside', async (name) => {
  const folder = `packages/${name}/`
  const { exports: doors } = JSON.parse(await readFile(`${root}${folder}package.json`, 'utf8'))
  const arrows = imports(new RegExp(`^(?!${folder})`), new RegExp(`^${folder}`))
  const used = [...new Set(arrows.map((arrow) => arrow.split(' → ')[1]!))]
  const isUsed = ([door, target]: [string, string]) =>
    used.some((path) => matchesGlob(path, folder + target.slice(2))) ||
    template.includes(`@gatepost/${name}${door.slice(1)}'`)
  expect(Object.entries<string>(doors).filter((entry) => !isUsed(entry))).toEqual([])
})

test('NATS is spoken in packages/events alone, apart from the subscriber’s package', () => {
  const outside = modules.filter(({ source }) =>
    /^(packages\/(?!events|client|testing)|services\/[^/]+\/src)/.test(source)
  )
  const offenders = outside.filter(({ dependencies }) =>
    dependencies.some(({ module }) => module.startsWith('@nats-io/'))
  ).map(({ source }) => source)
  expect(offenders).toEqual([])
})

test('contracts depend on TypeBox alone', () => {
  const external = modules.filter(({ source }) => source.startsWith('packages/contracts/src')).flatMap((
    { dependencies }
  ) => dependencies.map(({ module }) => module))
  expect(external.filter((name) => !name.startsWith('.') && !name.startsWith('@sinclair/typebox'))).toEqual([])
})

test('inside a service: routes see no Prisma, services see no Fastify, nothing imports the app or the server', () => {
  const inner = modules.filter(({ source }) => /^services\/[^/]+\/src\//.test(source))
  const using = (file: RegExp, library: RegExp) =>
    inner.filter(({ source, dependencies }) =>
      file.test(source) && dependencies.some(({ module, resolved }) => library.test(module) || library.test(resolved))
    ).map(({ source }) => source)
  expect(using(/routes\.ts$/, /@prisma\/|\/generated\//)).toEqual([])
  expect(using(/-service\.ts$|\/service\.ts$/, /^fastify|^@fastify\/|@prisma\/|\/generated\//)).toEqual([])
  expect(inner.filter(({ source, dependencies }) =>
    !/\/(server|worker|main)\.ts$/.test(source) &&
    dependencies.some(({ resolved }) => /^services\/[^/]+\/src\/(app|server)\.ts$/.test(resolved))
  ).map(({ source }) => source)).toEqual([])
})

test('the environment is read by entry points alone', async () => {
  const offenders = []
  for (const { source } of modules.filter(({ source }) => /^(packages|services)\/[^/]+\/src\//.test(source))) {
    if (/\/(server|main)\.ts$|^packages\/(local-stack|testing)\//.test(source)) continue
    if (/process\.env\b/.test(await readFile(root + source, 'utf8'))) offenders.push(source)
  }
  expect(offenders).toEqual([])
})

test('files are small: the median has at most 60 lines (the linter holds the longest)', async () => {
  const texts = await Promise.all(modules.map(({ source }) => readFile(root + source, 'utf8')))
  const lengths = texts.map((text) => text.split('\n').length - 1).sort((a, b) => a - b)
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(60)
})

test('no process changes its engine at run time, forces collections, or reaches into a library', async () => {
  const sources = globSync('{packages,services}/*/src/**/*.ts', { cwd: root, exclude: (name) => name === 'generated' })
  const texts = await Promise
    .all(sources.map(async (path) => [path, await readFile(`${root}${path}`, 'utf8')] as const))
  expect(sources.length).toBeGreaterThan(100)
  // packages/testing measures what a collection leaves, in a process that is started for it
  expect(texts.filter(([path, text]) =>
    !path.startsWith('packages/testing/') && /setFlagsFromString|node:inspector|globalThis\.gc|pino\.symbols/.test(text)
  ).map(([path]) => path)).toEqual([])
})
