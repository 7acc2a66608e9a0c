import type { Operation } from '@gatepost/contracts/operation'
import type { ProblemDefinition } from '@gatepost/contracts/problem'
import { problems, type ProblemCode } from '@gatepost/contracts/problems'
import type { FieldError, ProblemError } from '@gatepost/service-kit/problem'
import { escapeHtml, layout } from '../html/page.ts'
import { fieldTexts, type PageTexts, pageTexts, refusalTexts, UNKNOWN_FIELD } from './texts.ts'

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
  const named = refusal?.errors?.map(memberOf) ?? []
  return [...new Set([...required, ...asksFor, ...named])].filter((name) => name in fieldTexts)
}

function input (name: string, values: Values, refusal?: ProblemError) {
  const given = KEPT.has(name) && typeof values[name] === 'string' ? values[name] : ''
  if (name === 'token' && given !== '') return `<input type="hidden" name="token" value="${escapeHtml(given)}">`
  const { label, type, autocomplete } = fieldTexts[name]!
  const faulty = refusal?.errors?.some((fault) => memberOf(fault) === name)
  return `<label for="${name}">${escapeHtml(label)}</label>
<input id="${name}" name="${name}" type="${type}" required autocomplete="${autocomplete}" value="${escapeHtml(given)}"${
    faulty ? ' aria-invalid="true" aria-describedby="refusal"' : ''
  }>`
}

function alert ({ help = {} }: PageTexts, refusal: ProblemError) {
  const { title }: ProblemDefinition = problems[refusal.code]
  const told = refusalTexts[refusal.code]
  const faults = new Set(refusal.errors?.map((fault) => faultText(refusal.code, fault)))
  return `<div role="alert" id="refusal">
<p>${told ?? `<strong>${escapeHtml(title)}.</strong> ${escapeHtml(adviceOf(refusal))}`}</p>${
    faults.size > 0 ? `<ul>${[...faults].map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>` : ''
  }<p>${help[refusal.code] ?? ''}</p></div>`
}

/** What does not fit the contract is told in words of the page; services say the rest in words for people. */
function faultText (code: ProblemCode, fault: FieldError) {
  const field = fieldTexts[memberOf(fault)]
  if (field === undefined) return UNKNOWN_FIELD
  return code === 'REQUEST_INVALID' ? field.fault : `${field.label}: ${fault.message}`
}

function memberOf ({ path }: FieldError) {
  return path.replace(/^\/(?:body|query)\//, '')
}

/** The catalogue speaks to programs: a person waits for a time, not for a header. */
function adviceOf ({ code, message, headers }: ProblemError) {
  const { retry }: ProblemDefinition = problems[code]
  if (!retry) return message
  const seconds = headers['retry-after']
  return seconds === undefined ? 'Try again later.' : `Try again in ${seconds} seconds.`
}
