import type { Operation } from '@gatepost/contracts/operation'
import type { ProblemDefinition } from '@gatepost/contracts/problem'
import { problems } from '@gatepost/contracts/problems'
import type { ProblemError } from '@gatepost/service-kit/problem'
import { escapeHtml, layout } from '../html/page.ts'
import { fieldTexts, type PageTexts, pageTexts } from './texts.ts'

/** What is filled in already: the token of the link, an address. Never a password. */
export type Values = Readonly<Record<string, unknown>>

const KEPT = new Set(['token', 'email'])

/** The page with its form, after a refusal with what to do about it. */
export function formHtml ({ url, body }: Operation, values: Values, refusal?: ProblemError) {
  const texts = pageTexts[url]!
  const told = refusal ? alert(texts, refusal) : `<p>${escapeHtml(texts.lead)}</p>`
  const inputs = fieldsOf(body!.required as string[], texts, refusal).map((name) => input(name, values, refusal))
  return pageHtml(refusal ? `Not done: ${texts.title}` : texts.title, `${told}
<form method="post" action="${url}">${inputs.join('')}<button>${escapeHtml(texts.button)}</button></form>`)
}

export function doneHtml ({ url }: Operation) {
  const { title, done } = pageTexts[url]!
  return pageHtml(title, `<p role="status">${escapeHtml(done)}</p>`)
}

function pageHtml (title: string, body: string) {
  return layout(title, body, { navigation: '' })
}

/** Also what a refusal asks for: the password of a registration, for a link that does not show that it is one. */
function fieldsOf (required: string[], { asksFor = [] }: PageTexts, refusal?: ProblemError) {
  const named = refusal?.errors?.map(({ path }) => path.replace(/^\/body\//, '')) ?? []
  return [...new Set([...required, ...asksFor, ...named])].filter((name) => name in fieldTexts)
}

function input (name: string, values: Values, refusal?: ProblemError) {
  const given = KEPT.has(name) && typeof values[name] === 'string' ? values[name] : ''
  if (name === 'token' && given !== '') return `<input type="hidden" name="token" value="${escapeHtml(given)}">`
  const { label, type, autocomplete } = fieldTexts[name]!
  const faulty = refusal?.errors?.some(({ path }) => path === `/body/${name}`)
  return `<label for="${name}">${escapeHtml(label)}</label>
<input id="${name}" name="${name}" type="${type}" required autocomplete="${autocomplete}" value="${escapeHtml(given)}"${
    faulty ? ' aria-invalid="true" aria-describedby="refusal"' : ''
  }>`
}

function alert ({ help = {} }: PageTexts, refusal: ProblemError) {
  const { title }: ProblemDefinition = problems[refusal.code]
  const faults = refusal.errors?.map(({ path, message }) => {
    const field = fieldTexts[path.replace(/^\/body\//, '')]
    return `<li>${escapeHtml(field ? `${field.label}: ${message}` : `${path} ${message}`)}</li>`
  }) ?? []
  return `<div role="alert" id="refusal">
<p><strong>${escapeHtml(title)}.</strong> ${escapeHtml(adviceOf(refusal))}</p>${
    faults.length > 0 ? `<ul>${faults.join('')}</ul>` : ''
  }<p>${help[refusal.code] ?? ''}</p></div>`
}

/** The catalogue speaks to programs: a person waits for a time, not for a header. */
function adviceOf ({ code, message, headers }: ProblemError) {
  const { retry }: ProblemDefinition = problems[code]
  if (!retry) return message
  const seconds = headers['retry-after']
  return seconds === undefined ? 'Try again later.' : `Try again in ${seconds} seconds.`
}
