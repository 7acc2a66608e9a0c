import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = new URL('..', import.meta.url)

/** Where a service's schema.prisma and migrations are. */
export function schemaFolder (service: string): string {
  return fileURLToPath(new URL(`prisma/${service}`, root))
}

/**
 * Runs the Prisma CLI on one service's schema, with the schema engine that needs no download. Rejects with what it
 * printed.
 */
export async function prisma (service: string, args: string[]): Promise<string> {
  const cli = fileURLToPath(new URL('node_modules/prisma/build/index.js', root))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [cli, ...args], {
    cwd: schemaFolder(service),
    maxBuffer: 16 * 1024 * 1024,
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: fileURLToPath(new URL('prisma/schema-engine.mjs', root)),
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1'
    }
  })
  return stdout + stderr
}
