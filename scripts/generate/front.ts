import { type ProblemCode, problems } from '@gatepost/contracts/problems'

/** What the front answers when it cannot ask a gateway. */
const CODES = [
  'REQUEST_MALFORMED',
  'REQUEST_TIMEOUT',
  'INTERNAL',
  'UPSTREAM_BROKEN',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_TIMEOUT'
] as const satisfies ProblemCode[]

/** deploy/front/problems/<status>.json: problems as HAProxy's log formats. */
export function frontProblems (): Record<string, string> {
  return Object.fromEntries(CODES.map((code) => {
    const { title, status, detail } = problems[code]
    const fixed = JSON.stringify({ type: `/problems/${code}`, title, status, detail, code })
    return [
      `deploy/front/problems/${status}.json`,
      `${fixed.replaceAll('%', '%%').slice(0, -1)},"instance":"%[path,json(utf8s)]","requestId":"%[unique-id]"}\n`
    ]
  }))
}
