import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from '@gatepost/testing/chromium'

/** Not committed; to be looked at. */
const SHOTS = fileURLToPath(new URL('../../node_modules/.cache/shots', import.meta.url))
const WIDE = { width: 1400, height: 1000 }
const NARROW = { width: 360, height: 740 }
/** What is dark is checked for its colours; all else is the same. */
const RULES = { light: '{}', dark: "{ runOnly: ['color-contrast'] }" }

/** What axe finds in the page that is shown, light and dark, and whether it fits a telephone; takes pictures of it. */
export async function inspect (page: Page, name: string): Promise<string[]> {
  await mkdir(SHOTS, { recursive: true })
  const faults: string[] = []
  await page.evaluate(`${await axe()};0`)
  for (const scheme of ['light', 'dark'] as const) {
    await page.appear({ ...WIDE, scheme })
    const violations: string[] = await page.evaluate(`axe.run(document, ${RULES[scheme]}).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ' ' + target)))`)
    faults.push(...violations.map((violation) => `${name}, ${scheme}: ${violation}`))
    await writeFile(join(SHOTS, `${name}-1400-${scheme}.png`), await page.screenshot())
  }
  await page.appear({ ...NARROW, scheme: 'light' })
  const width = await page.evaluate('document.documentElement.scrollWidth')
  if (width > NARROW.width) faults.push(`${name}: ${width} pixels wide where there are ${NARROW.width}`)
  await writeFile(join(SHOTS, `${name}-360-light.png`), await page.screenshot())
  await page.appear({ ...WIDE, scheme: 'light' })
  return faults
}

function axe () {
  return readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
}
