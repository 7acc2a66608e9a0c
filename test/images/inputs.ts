import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './engine.ts'

/** What decides whether images can be built and run; services change every day and have tests of their own. */
const INPUTS = ['.dockerignore', 'docker-compose.yml', 'package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml']
const FOLDERS = ['deploy/{Dockerfile,create-env.sh}', 'deploy/{database,front,nats}/**', 'test/images/**']
const file = join(root, 'test/images-passed')

function hashOfInputs () {
  const hash = createHash('sha256')
  for (const name of [...INPUTS, ...globSync(FOLDERS, { cwd: root }).sort()]) {
    if (statSync(join(root, name)).isFile()) hash.update(`${name}\0`).update(readFileSync(join(root, name)))
  }
  return hash.digest('hex')
}

/** Whether the inputs are those that passed last, as the repository says. */
export function passedAlready (): boolean {
  return readFileSync(file, { encoding: 'utf8', flag: 'a+' }).trim() === hashOfInputs()
}

/** To be committed. */
export function notePassed (): void {
  writeFileSync(file, `${hashOfInputs()}\n`)
}
