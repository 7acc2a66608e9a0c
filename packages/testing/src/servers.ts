import type { BrokerAccount } from '@gatepost/local-stack/system'

/** The servers that a test run shares, as its global set-up hands them to the test files. */
export interface TestServers {
  postgresPort: number
  credentials: Record<string, string>
  redisUrl: string
  /** URLs, by account, of a broker for apps whose tests do not look at events. */
  natsUrls: Record<BrokerAccount, string>
}

/** What the global set-up started. Throws outside a test run. */
export function testServers (): TestServers {
  const text = process.env.GATEPOST_TEST_SERVERS
  if (!text) throw new Error('no test servers: run the tests with `pnpm test [file]`')
  return JSON.parse(text)
}
