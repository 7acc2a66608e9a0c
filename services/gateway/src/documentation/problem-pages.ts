import type { ProblemDefinition } from '@gatepost/contracts/problem'
import { problems, type ProblemCode } from '@gatepost/contracts/problems'
import { escapeHtml, layout } from '../html/page.ts'

/** /problems/<code>: where the `type` of every problem leads. Undefined for a code that we do not have. */
export function problemPage (code: string) {
  const problem: ProblemDefinition | undefined = Object.hasOwn(problems, code)
    ? problems[code as ProblemCode]
    : undefined
  if (problem === undefined) return undefined
  const { status, title, detail, retry } = problem
  return layout(title, `
<p><code>${escapeHtml(code)}</code> comes with status ${status}.</p>
<p>${escapeHtml(detail)}</p>
<p>${retry ? 'The same request may succeed later.' : 'The same request will not succeed later.'}</p>`)
}
