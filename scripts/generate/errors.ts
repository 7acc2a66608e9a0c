import { problemCodesOf } from '@gatepost/contracts/openapi'
import { operations } from '@gatepost/contracts/operations'
import { type ProblemCode, problems } from '@gatepost/contracts/problems'
import { GENERATED, table } from './markdown.ts'

/** docs/errors.md: every problem code, what to do about it, and which operations name it. */
export function errorsPage () {
  const rows = (Object.keys(problems) as ProblemCode[]).map((code) => {
    const { status, title, detail, retry } = problems[code]
    const where = operations.filter((operation) => problemCodesOf(operation).includes(code)).map(({ id }) => id)
    const answeredBy = where.length > 8 || where.length === 0
      ? 'any operation'
      : where.map((id) => `\`${id}\``).join(', ')
    return [`\`${code}\``, String(status), title, detail, retry ? 'may help' : 'does not help', answeredBy]
  })
  return `${GENERATED}
# Errors

Every error, from whatever layer, is \`application/problem+json\` (RFC 9457):
\`{ type, title, status, detail, code, instance, requestId, errors? }\`. Branch on \`code\`;
\`type\` is \`/problems/<code>\`, which the gateway answers with the text below. \`errors\` names each fault with a JSON
Pointer into the request, such as \`/body/title\`.

${table(['code', 'status', 'title', 'what to do', 'the same request again', 'answered by'], rows)}
`
}
