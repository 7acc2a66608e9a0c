type Schema = Record<string, any>

const INDENT = '  '

/** Prints JSON Schemas as TypeScript. A schema with a title becomes a declaration of that name, once. */
export function createTypePrinter () {
  const declarations = new Map<string, string>()

  function print (schema: Schema, depth = 0): string {
    const { title } = schema
    if (title === undefined || !/^[A-Z]\w*$/.test(title)) return body(schema, depth)
    if (!declarations.has(title)) {
      declarations.set(title, '') // it may name itself
      declarations.set(title, `export type ${title} = ${body(schema, 0)}\n`)
    }
    return title
  }

  function body (schema: Schema, depth: number): string {
    if ('const' in schema) return JSON.stringify(schema.const)
    if (schema.anyOf) return schema.anyOf.map((option: Schema) => print(option, depth)).join(' | ')
    switch (schema.type) {
      case 'object':
        return schema.patternProperties
          ? `Record<string, ${print(Object.values<Schema>(schema.patternProperties)[0]!, depth)}>`
          : object(schema, depth)
      case 'array':
        return `Array<${print(schema.items, depth)}>`
      case 'integer':
        return 'number'
      case 'string':
      case 'number':
      case 'boolean':
      case 'null':
        return schema.type
      case undefined:
        return 'unknown'
      default:
        throw new TypeError(`no type for ${JSON.stringify(schema)}`)
    }
  }

  function object ({ properties, required = [] }: Schema, depth: number) {
    return members(
      Object.entries<Schema>(properties).map(([name, property]) => ({
        name,
        optional: !required.includes(name),
        type: print(property, depth + 1),
        ...property.description !== undefined && { doc: property.description }
      })),
      depth
    )
  }

  return { print, declarations: () => [...declarations.values()].join('\n') }
}

export interface Member {
  name: string | number
  optional?: boolean
  type: string
  doc?: string
}

/** An object type. */
export function members (list: readonly Member[], depth = 0): string {
  if (list.length === 0) return '{}'
  const pad = INDENT.repeat(depth + 1)
  const lines = list.map(({ name, optional, type, doc }) => {
    const key = /^\w+$/.test(String(name)) ? name : `'${name}'`
    return `${doc ? `${pad}/** ${doc.replaceAll('*/', '*\\/')} */\n` : ''}${pad}${key}${optional ? '?' : ''}: ${type}\n`
  })
  return `{\n${lines.join('')}${INDENT.repeat(depth)}}`
}
