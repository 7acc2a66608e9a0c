import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NATS } from '@gatepost/local-stack/binaries'
import { LEAN_MALLOC } from '@gatepost/local-stack/services'
import { expect, test } from 'vitest'
import { compose, containers, dockerfile, isOurs, root, text } from './support/compose-file.ts'

test('every command names a file that exists, and every image is pinned or built, once', () => {
  const targets = [...dockerfile.matchAll(/^FROM .* AS (\w+)$/gm)].map(([, target]) => target!)
  for (const image of ['gatepost', 'gatepost-tools']) {
    const users = containers.filter(([, container]) => container.image === image)
    const builders = users.flatMap(([, { build }]) => build ? [build] : [])
    expect(builders, image).toHaveLength(1)
    expect(builders[0]!.dockerfile).toBe('deploy/Dockerfile')
    expect(targets).toContain(builders[0]!.target)
    for (const [name, { pull_policy: policy, entrypoint, command }] of users) {
      expect(policy, `${name} is not looked for in a registry`).toBe('never')
      const [program, file] = entrypoint ?? command ?? []
      expect(program, name).toBe('node')
      expect(existsSync(join(root, file!)), `${name}: ${file}`).toBe(true)
    }
  }
  for (const [name, { image }] of containers.filter(([, { image }]) => !isOurs(image))) {
    expect(image, name).toMatch(/:\d/)
  }
  expect(compose.services.nats!.image, 'the version that runs on a developer’s machine')
    .toContain(`:${NATS.release!.version}-`)
})

test('the image takes memory as sparingly as what runs on a developer’s machine', () => {
  expect(dockerfile)
    .toContain(`ENV ${Object.entries(LEAN_MALLOC).map(([name, value]) => `${name}=${value}`).join(' ')}\n`)
})

test('only the front can be reached, and only from the machine itself; auth alone gets out, to its mail server', () => {
  expect(containers.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual(['front'])
  expect(compose.services.front!.ports).toEqual(['127.0.0.1:3000:3000'])
  const open = Object.entries(compose.networks).filter(([, network]) => !network?.internal).map(([name]) => name)
  expect(containers.filter(([, { networks = [] }]) => networks.some((network) => open.includes(network))).map((
    [name]
  ) => name)).toEqual(['auth', 'front'])
})

test('what says who the client is comes from addresses that are known beforehand', () => {
  const subnetOf = (network: string) => compose.networks[network]!.ipam!.config[0]!.subnet
  const membersOf = (network: string) =>
    containers.filter(([, { networks = [] }]) => networks.includes(network)).map(([name]) => name)
  expect(compose.services.gateway!.environment!.TRUSTED_PROXIES).toBe(subnetOf('front'))
  expect(membersOf('front')).toEqual(['gateway', 'front'])
  expect(compose.services.auth!.environment!.TRUSTED_PROXIES).toBe(subnetOf('services'))
  expect(text, 'a proxy on this machine').toContain(`TRUSTED_PROXIES=${subnetOf('edge').replace(/0\/24$/, '1')}`)
})

test('no container runs as root, with capabilities, on a file system that it can write, or without limits', () => {
  for (const [name, { image, user, ...limits }] of containers) {
    if (!isOurs(image)) expect(Number(user?.split(':')[0]), name).toBeGreaterThan(0)
    const { read_only: readOnly, cap_drop: dropped, security_opt: options, mem_limit: memory } = limits
    expect({ name, readOnly, dropped, options }).toEqual({
      name, readOnly: true, dropped: ['ALL'], options: ['no-new-privileges:true']
    })
    expect(memory, name).toMatch(/^\d+[mg]$/)
  }
  for (const stage of dockerfile.split(/^FROM /m).filter((part) => / AS (tools|service)\n/.test(part))) {
    expect(stage.match(/^USER .*$/gm)!.at(-1)).toBe('USER node')
  }
})

test('the image runs the Node of the workspace, and copies what exists', () => {
  const workspace = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const installs = dockerfile.indexOf('RUN pnpm install')
  expect(dockerfile.slice(0, installs), 'an edit installs nothing').toContain('! -name package.json -delete')
  expect(dockerfile).toContain(`FROM node:${workspace.dependencies.node}-`)
  const sent = [...readFileSync(join(root, '.dockerignore'), 'utf8').matchAll(/^!(.*)$/gm)].map(([, path]) => path!)
  for (const [, paths] of dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    for (const path of paths!.split(' ')) {
      expect(existsSync(join(root, path)), path).toBe(true)
      expect(sent.some((own) => path === own || path.startsWith(`${own}/`)), `.dockerignore lets ${path} in`).toBe(true)
    }
  }
})
