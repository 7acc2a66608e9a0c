import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Ground } from '../lab/ground.ts'

const run = promisify(execFile)

/**
 * The commit's tree in a temporary folder, with its dependencies. Returns the folder and the commit's line in the log.
 */
export async function checkOut (
  ground: Ground,
  root: string,
  commit: string
): Promise<{ tree: string, title: string }> {
  const git = async (...args: string[]) => (await run('git', ['-C', root, ...args])).stdout.trim()
  const title = await git('log', '-1', '--format=%h %s', commit).catch(() => {
    throw new Error(`there is no commit "${commit}"`)
  })
  const tree = join(await ground.folder(), 'tree')
  ground.onEnd(async () => { await git('worktree', 'remove', '--force', tree) })
  await git('worktree', 'add', '--detach', '--quiet', tree, commit)
  const lockfile = async (folder: string) => readFile(join(folder, 'pnpm-lock.yaml'), 'utf8')
  if (await lockfile(root) === await lockfile(tree)) await linkDependencies(root, tree)
  else await install(tree)
  return { tree, title }
}

/** Installs by the pnpm that runs this process, else by one that npx finds. */
async function install (tree: string) {
  const pnpm = process.env.npm_execpath?.includes('pnpm') ? process.env.npm_execpath : undefined
  const [command, ...args] = pnpm === undefined
    ? ['npx', '-y', 'pnpm@12']
    : /\.[cm]?js$/.test(pnpm)
      ? [process.execPath, pnpm]
      : [pnpm]
  await run(command!, [...args, 'install', '--frozen-lockfile', '--prefer-offline', '--ignore-scripts'], { cwd: tree })
}

/**
 * A member's links lead upwards to the common store or to another member. Copied as they are, they lead to the store of
 * the tree we were started in, and to the members of the other one.
 */
async function linkDependencies (root: string, tree: string) {
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'))
  for (const group of ['packages', 'services']) {
    for (const member of await readdir(join(tree, group))) {
      const [from, to] = [join(root, group, member, 'node_modules'), join(tree, group, member, 'node_modules')]
      await mkdir(to, { recursive: true })
      await cp(from, to, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (path) => !path.endsWith('.cache') && !path.endsWith('.bin')
      }).catch((error) => {
        if (error.code !== 'ENOENT') throw error // the member no longer exists
      })
    }
  }
}
