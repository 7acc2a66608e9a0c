import { Type, type StaticDecode, type TObject, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { address, choice, EscapeError, integer, seconds, text, url } from './setting-kinds.ts'

/** A missing or wrong setting. The message is one readable line for each variable and never shows a secret. */
export class SettingsError extends Error {
  override name = 'SettingsError'
}

/** The setting `ACCESS_TOKEN_TTL` of every process that issues or judges access tokens. */
export const accessTokenTtl = seconds({
  description:
    'Life of an access token in seconds; the same in every process, since each refuses tokens that live longer',
  default: '600',
  minimum: 5
})

/** The setting `OUTBOX_RETENTION_DAYS` of every process that publishes events. */
export const outboxRetentionDays = integer({
  description:
    'Days for which an event that is in the stream is kept in the database too: so far back `pnpm events resync` ' +
    'publishes again what the stream has lost',
  default: '7',
  minimum: 1,
  maximum: 3650
})

/** Settings that every process has. */
export const commonSettings = {
  HOST: address({ description: 'The address to listen on', default: '127.0.0.1' }),
  LOG_LEVEL: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    description: 'pino level',
    default: 'info'
  }),
  DRAIN_DELAY: integer({
    description:
      'Seconds between "not ready" and the end of new connections at a shutdown; as long as the load balancer needs ' +
      'to notice',
    default: '0',
    minimum: 0,
    maximum: 10
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type
    .Optional(url({
      description: 'Where traces go (OTLP over HTTP); none are exported without it',
      schemes: ['http', 'https']
    })),
  // Read by the exporter itself.
  OTEL_EXPORTER_OTLP_HEADERS: Type.Optional(text({
    description: 'Headers of each export of traces: name=value with commas between, values percent-encoded',
    secret: true
  }))
}

/**
 * Reads the settings of one process from an environment: pure, complete, and frozen.
 * An empty value counts as absent. Throws a {@link SettingsError} that names every variable at fault.
 */
export function parseSettings<Schema extends TObject> (
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>
): StaticDecode<Schema> {
  const faults: string[] = []
  const settings: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries<TSchema>(schema.properties)) {
    const value = env[name] || setting.default as string | undefined
    if (value === undefined) {
      if ((schema.required as string[] | undefined)?.includes(name)) {
        faults.push(`${name} is missing: it needs ${setting.needs} (${setting.description})`)
      }
      continue
    }
    try {
      settings[name] = Value.Decode(setting, value)
    } catch (error) {
      const needs = (error as { error?: unknown }).error instanceof EscapeError ? EscapeError.needs : setting.needs
      const got = setting.secret
        ? `a value of ${value.length} characters (not shown)`
        : JSON.stringify(withoutPassword(value))
      faults.push(`${name} is ${got}: it needs ${needs} (${setting.description})`)
    }
  }
  if (faults.length > 0) throw new SettingsError(faults.join('\n'))
  return Object.freeze(settings) as StaticDecode<Schema>
}

function withoutPassword (value: string) {
  return value.replace(/(\/\/[^:/@\s]*:)[^@\s]*@/g, '$1…@')
}
