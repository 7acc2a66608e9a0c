import { Type, type StaticDecode } from '@sinclair/typebox'
import { choice, list, origin, port, text, urls } from '@gatepost/service-kit/setting-kinds'
import { commonSettings } from '@gatepost/service-kit/settings'

/** `name=value`, for settings that say something of each process. */
const PAIR = /^([a-z][a-z0-9-]*)=(\S+)$/

/** The entries of a list such as `auth=…,posts=…` by name. */
export function pairsOf (items: readonly string[] = []): Map<string, string> {
  return new Map(items.map((item) => PAIR.exec(item)!.slice(1, 3) as [string, string]))
}

function pairs (needs: string, isValue: (value: string) => boolean) {
  return (item: string) => {
    const value = PAIR.exec(item)?.[2]
    if (value === undefined || !isValue(value)) throw new TypeError(needs)
  }
}

const PROCESSES = 'a comma-separated list such as posts=http://127.0.0.1:3002|http://127.0.0.1:9302'
const DATABASES = 'a comma-separated list such as posts=postgresql://console:…@127.0.0.1/posts'

/** The settings of the console; docs/environment.md is generated from them. */
export const settingsSchema = Type.Object({
  HOST: choice(['127.0.0.1', '::1', 'localhost'], {
    description: 'The address to listen on; the console knows loopback alone',
    default: '127.0.0.1'
  }),
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  DRAIN_DELAY: commonSettings.DRAIN_DELAY,
  CONSOLE_PORT: port({ description: 'Where the console listens, on loopback', default: '9400' }),
  CONSOLE_OPS_PORT: port({ description: 'Where the console serves /metrics', default: '9401' }),
  CONSOLE_TOKEN: text({
    description: 'Opens the console, once: /open?token=…',
    minLength: 32,
    needs: 'at least 32 characters from a random source',
    secret: true
  }),
  CONSOLE_TRACES_TOKEN: Type.Optional(text({
    description: 'What exporters of traces present as `authorization: Bearer …`; without it the console takes none',
    minLength: 32,
    needs: 'at least 32 characters from a random source',
    secret: true
  })),
  CONSOLE_PROCESSES: list({
    description: 'The processes that the console shows: name, origin, and origin of the operations port',
    needs: PROCESSES,
    default: 'gateway=http://127.0.0.1:3000|http://127.0.0.1:9300,auth=http://127.0.0.1:3001|http://127.0.0.1:9301,' +
      'posts=http://127.0.0.1:3002|http://127.0.0.1:9302,feed=http://127.0.0.1:3003|http://127.0.0.1:9303',
    check: pairs(PROCESSES, (value) => /^https?:\/\/[^|]+\|https?:\/\/[^|]+$/.test(value))
  }),
  CONSOLE_DATABASES: Type.Optional(list({
    description: 'Databases as the role that may read what the console shows; without one its part stays empty',
    needs: DATABASES,
    secret: true,
    check: pairs(DATABASES, (value) => /^postgres(ql)?:\/\//.test(value))
  })),
  NATS_URL: urls({
    description: 'Comma-separated NATS servers, with the credentials of the console',
    schemes: ['nats', 'tls'],
    default: 'nats://127.0.0.1:4222',
    secret: true
  }),
  PUBLIC_URL: origin({ description: 'What clients call: the gateway', default: 'http://127.0.0.1:3000' }),
  MAIL_DIR: Type.Optional(text({ description: 'Where auth writes mails as files, in the embedded run' }))
}, { title: 'console' })

export type Settings = StaticDecode<typeof settingsSchema>
