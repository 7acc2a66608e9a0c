import { defineConfig } from 'prisma/config'

export default defineConfig({
  schema: 'schema.prisma',
  migrations: { path: 'migrations' },
  // `generate` needs no database; for migrations there is scripts/migrate.ts.
  datasource: { url: process.env.MIGRATION_DATABASE_URL ?? 'postgresql://127.0.0.1/none' }
})
