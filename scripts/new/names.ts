import { pluralOf } from '@gatepost/contracts/event'
import { prefixOf } from '@gatepost/contracts/service'
import { identifierOf } from '../generate/collections.ts'

/** What the templates put in the place of `{{…}}`. */
export type Names = ReturnType<typeof namesOf>

/** All forms of a service's name that its files need. */
export function namesOf (name: string) {
  const aggregate = singularOf(name)
  const plural = pluralOf(aggregate)
  const words = aggregate.replaceAll('-', ' ')
  return {
    name,
    ident: identifierOf(name),
    PREFIX: prefixOf(name),
    table_db: name.replaceAll('-', '_'),
    aggregate,
    one: identifierOf(aggregate),
    One: capital(identifierOf(aggregate)),
    Many: capital(identifierOf(plural)),
    table: plural.replaceAll('-', '_'),
    words,
    Words: capital(plural.replaceAll('-', ' '))
  }
}

/** `order` of `orders`, `entry` of `entries`; a noun that is none of our plurals stays as it is. */
function singularOf (name: string) {
  if (/ies$/.test(name)) return `${name.slice(0, -3)}y`
  if (/(s|x|ch|sh)es$/.test(name)) return name.slice(0, -2)
  return /[^sui]s$/.test(name) ? name.slice(0, -1) : name
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
