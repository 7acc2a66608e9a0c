import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { basename, join, relative } from 'node:path'

const PARTS = ['packages', 'prisma', 'scripts', 'services', 'package.json', 'tsconfig.base.json', 'node_modules']
const LEFT_OUT = new Set(['test', '.pnpm', '.cache', '.bin'])

/** Copies what a start runs of the repository into another folder; what was installed from outside is linked. */
export function copyRepository (root: string, target: string) {
  mkdirSync(target)
  for (const part of PARTS) {
    cpSync(join(root, part), join(target, part), { recursive: true, verbatimSymlinks: true, filter: (source) => !LEFT_OUT.has(basename(source)) || isInsidePackage(root, source) })
  }
  symlinkSync(join(root, 'node_modules/.pnpm'), join(target, 'node_modules/.pnpm'))
}

/** `test` is a folder of ours only right below a member. */
function isInsidePackage (root: string, source: string) {
  return basename(source) === 'test' && relative(root, source).split('/').length > 3
}
