import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './engine.ts'

/** What decides whether images can be built and run; services change every day and have tests of their own. */
const INPUTS = ['.dockerignore', 'docker-compose.yml', 'package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml']
const FOLDERS = ['deploy/{Dockerfile,create-env.sh}', 'deploy/{database,front,nats}/**']
const file = join(root, 'test/images-passed')

/** Names what the images are made of now. */
export function hashOfInputs (): string {
  const hash = createHash('sha256')
  for (const name of [...INPUTS, ...globSync(FOLDERS, { cwd: root }).sort()]) {
    if (statSync(join(root, name)).isFile()) hash.update(`${name}\0`).update(readFileSync(join(root, name)))
  }
  return hash.digest('hex')
}

/** Whether the inputs are those that passed last, as the repository says. */
export function passedAlready (): boolean {
  return existsSync(file) && readFileSync(file, 'utf8').trim() === hashOfInputs()
}

/** To be committed. */
export function notePassed (hash: string): void {
  writeFileSync(file, `${hash}\n`)
}
