import type { TObject, TSchema } from '@sinclair/typebox'
import { brokerSettings } from '../../deploy/nats/settings.ts'
import { settingsSchema as console } from '../../services/console/src/config.ts'
import { settingsSchemas } from '../settings.ts'
import { GENERATED, table } from './markdown.ts'

/** Those that `start` runs, and the console beside them. */
const processes = { ...settingsSchemas, console }

const WRITER = '`deploy/nats/write-configuration.ts`'

interface Variable {
  schema: TSchema
  required: boolean
  readers: string[]
}

function variables (readers: Record<string, TObject>) {
  const found = new Map<string, Variable>()
  for (const [reader, schema] of Object.entries(readers)) {
    for (const [name, setting] of Object.entries<TSchema>(schema.properties)) {
      const known = found.get(name) ?? { schema: setting, required: false, readers: [] }
      known.readers.push(reader)
      known.required ||= setting.default === undefined && (schema.required ?? []).includes(name)
      found.set(name, known)
    }
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b))
}

const HEAD = ['variable', 'meaning', 'needs', 'default', 'read by']

function settingsTable (readers: Record<string, TObject>) {
  return table(HEAD, variables(readers).map(([name, { schema, required, readers }]) => [
    `\`${name}\``,
    schema.description ?? '',
    schema.needs ?? schema.type,
    required ? '**required**' : schema.default === undefined ? 'none' : `\`${schema.default}\``,
    readers.join(', ')
  ]))
}

/** docs/environment.md: every variable that a process reads. */
export function environmentPage () {
  return `${GENERATED}
# Environment

Each process reads its settings once, at boot; a bad or missing one stops it with a line that says what is needed.
\`pnpm start\` sets what is required by itself. An empty value counts as absent.

Each process that \`pnpm start\` runs gets the variables of its own row below, and of the rest only what programs need
everywhere: PATH, HOME, the folder for temporary files, language and time zone, certificates (\`NODE_EXTRA_CA_CERTS\`,
\`SSL_CERT_FILE\`, \`SSL_CERT_DIR\`), \`NODE_OPTIONS\`, \`NODE_COMPILE_CACHE\` and \`UV_THREADPOOL_SIZE\`. Proxies serve
downloads of servers alone, and \`PG*\` variables nothing: a database's URL says everything.

${settingsTable(processes)}

## The commands

${table(['variable', 'meaning', 'default', 'read by'], commandVariables)}

## The servers of NATS

${settingsTable({ [WRITER]: brokerSettings })}
`
}

/** Variables that the scripts read beside the settings of the processes. */
const commandVariables = [
  ['`CONSOLE`', '`off` leaves the console out', '`on`', '`pnpm start`'],
  ['`NATS_PORT`', 'The port of the embedded nats-server', '`4222`', '`pnpm start`'],
  [
    '`NATS_REPLICAS`',
    'Copies of each stream, also of those that exist: 1, or 3 or 5 on a cluster; unset, those that exist keep theirs',
    '`1` for a new stream',
    '`pnpm start`, `pnpm events provision`, `deploy/nats/provision.ts`, `pnpm backup`'
  ],
  [
    '`EVENTS_MAX_BYTES`',
    'Bytes of all events in the stream; a full one takes no more, and events wait in the databases until it is raised',
    'the disk',
    '`pnpm start`, `pnpm events provision`, `deploy/nats/provision.ts`'
  ],
  [
    '`NATS_SUBSCRIBERS`',
    'The file that lists the subscribers to the events, with their passwords',
    'that of the embedded run',
    '`pnpm events subscriber`'
  ],
  [
    '`BACKUP_PASSPHRASE`',
    'What the secrets in a backup are encrypted with; at least 12 characters',
    'none',
    '`pnpm backup`'
  ],
  ['`POSTGRES_PORT`', 'The port of the embedded PostgreSQL', '`54320`', '`pnpm start`'],
  [
    '`GATEPOST_DATA`',
    'The folder that keeps the state of the embedded run',
    '`.data`',
    '`pnpm start`, `pnpm events`, `pnpm keys`, `pnpm admin`, `pnpm backup`'
  ],
  [
    '`AUTH_NATS_URL` and likewise for posts, feed and gateway',
    'With an outside NATS_URL: the broker as the service’s own user; NATS_URL is then the user that makes the stream',
    'the `NATS_URL`',
    '`pnpm start`'
  ],
  [
    '`GATEPOST_CACHE`',
    'Where servers that were fetched are kept, for all clones',
    '`~/.cache/gatepost`; `cache` in the data folder without a home that can be written',
    '`pnpm start`, `pnpm test`'
  ],
  [
    '`NATS_SERVER_BIN`, `REDIS_SERVER_BIN`',
    'Programs of your own in place of those that are looked for',
    'none',
    '`pnpm start`, `pnpm test`'
  ],
  [
    '`AUTH_MIGRATION_DATABASE_URL` and likewise for posts and feed',
    'The database as the role that owns its tables',
    'the `_DATABASE_URL`',
    '`pnpm migrate`, `pnpm start`, `pnpm backup`'
  ]
]

/** .env.example: the same, ready to be copied. */
export function environmentExample () {
  const blocks = variables(processes).map(([name, { schema, required }]) => {
    const head = `# ${schema.description} (${schema.needs ?? schema.type})`
    return `${head}\n${required ? '' : '# '}${name}=${schema.default ?? ''}`
  })
  const head = '# Generated by `pnpm generate`. Lines without # are required when a process runs alone.'
  return `${[head, ...blocks].join('\n\n')}\n`
}
