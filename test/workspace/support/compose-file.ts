import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { declarations } from '@gatepost/contracts/declarations'
import type { TObject } from '@sinclair/typebox'
import { parse } from 'yaml'
import { afterAll } from 'vitest'

interface Container {
  image: string
  build?: { dockerfile: string, target: string }
  pull_policy?: string
  user?: string
  profiles?: string[]
  mem_limit?: string
  entrypoint?: string[]
  command?: string[]
  environment?: Record<string, string>
  networks?: string[]
  ports?: string[]
  volumes?: string[]
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  healthcheck?: { test: string[] }
  depends_on?: Record<string, { condition: string }>
}

export const SERVICES = declarations.map(({ name }) => name)

export const root = fileURLToPath(new URL('../../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'gatepost-compose-'))
afterAll(() => rmSync(folder, { recursive: true }))

export const secretsFile = join(folder, '.env')
execFileSync('sh', [join(root, 'deploy/create-env.sh'), secretsFile])
export const secrets = Object
  .fromEntries(readFileSync(secretsFile, 'utf8').trim().split('\n').map((line) => line.split('=') as [string, string]))

export const dockerfile = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')
export const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
/** As `docker compose config` resolves it, with nothing set but the secrets. */
export const compose: {
  services: Record<string, Container>
  networks: Record<string, { internal?: boolean, ipam?: { config: Array<{ subnet: string }> } }>
  volumes: Record<string, unknown>
} = parse(
  text.replace(/\$\{(\w+)(?::([-?+])([^}]*))?\}/g, (whole, name: string, mark: string | undefined, rest: string) => {
    const value = secrets[name] ?? (mark === '-' ? rest : mark === '+' ? '' : undefined)
    if (value === undefined) throw new Error(`${whole}: neither deploy/create-env.sh nor a default gives it a value`)
    return value
  }), { merge: true })
export const containers = Object.entries(compose.services)
export const isOurs = (image: string) => image.startsWith('gatepost')
for (const [, container] of containers) {
  if (container.environment) {
    container.environment = Object
      .fromEntries(Object.entries(container.environment).map(([name, value]) => [name, String(value ?? '')]))
  }
}

export async function settingsSchemaOf (service: string): Promise<TObject> {
  return (await import(pathToFileURL(join(root, `services/${service}/src/config.ts`)).href)).settingsSchema
}
