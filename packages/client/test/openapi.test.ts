import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openApi } from '@gatepost/contracts/openapi'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { complaints, run } from './support/installed.ts'

const document = openApi('http://127.0.0.1:3000') as any
const operations = Object.values<Record<string, any>>(document.paths).flatMap((path) => Object.values(path))
let folder: string
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'gatepost-openapi-')) })
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The program of a package that hands out no more than that. */
async function program (name: string, bin: string) {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
  return join(dirname(manifest), JSON.parse(await readFile(manifest, 'utf8')).bin[bin])
}

test('what strangers’ generators make of it compiles under strict', async () => {
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document))
  await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }')
  const node = (script: string, ...args: string[]) => run(process.execPath, [script, ...args], { cwd: folder })
  await Promise.all([
    node(await program('openapi-typescript', 'openapi-typescript'), 'openapi.json', '-o', 'types.ts'),
    node(await program('@hey-api/openapi-ts', 'openapi-ts'), '-i', 'openapi.json', '-o', 'sdk')
  ])
  expect(await readFile(join(folder, 'sdk/sdk.gen.ts'), 'utf8')).toContain('createPost')
  expect(await complaints(folder, ['types.ts', 'sdk/index.ts'])).toBe('')
}, 120_000)

test('it says its licence, and every operation has an id of its own and a tag with a text', () => {
  expect(document.info.license).toEqual({ name: 'MIT', identifier: 'MIT' })
  const texts = new Map(document.tags.map(({ name, description }: any) => [name, description]))
  const ids = operations.map(({ operationId }) => operationId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { operationId, tags, summary } of operations) {
    expect([operationId, texts.get(tags[0]), summary]).toEqual([
      operationId,
      expect.stringMatching(/\.$/),
      expect.stringMatching(/./)
    ])
  }
})

test('every body and every JSON answer has an example, which fits its schema', () => {
  const ajv = new Ajv2020({ strict: false, formats: { uri: (text: string) => URL.canParse(text) } })
  ajv.addSchema({ $id: 'api', ...document })
  let examples = 0
  for (const { operationId, requestBody, responses } of operations) {
    for (const content of [requestBody?.content, ...Object.values<any>(responses).map(({ content }) => content)]) {
      const { schema, example } = content?.['application/json'] ?? {}
      if (!schema || Object.keys(schema).length === 0) continue
      const $ref = schema.$ref && `api${schema.$ref}`
      const validate = ajv.compile($ref ? { $ref } : schema)
      const valid = validate(example)
      expect(valid, `${operationId}: ${JSON.stringify(example)} ${ajv.errorsText(validate.errors)}`).toBe(true)
      examples++
    }
  }
  expect(examples).toBeGreaterThan(30)
})
