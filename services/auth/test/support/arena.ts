import { uuidv7 } from '@gatepost/service-kit/uuid'
import { hashSync } from '@node-rs/argon2'
import { createKeyStore } from '../../src/keys/key-store.ts'
import { emailTokenRepository } from '../../src/mail/email-token-repository.ts'
import { deriveKey, deriveMacKey } from '../../src/secrets.ts'
import { createSessionTokens } from '../../src/sessions/session-tokens.ts'
import { emailChangeRepository } from '../../src/users/email-change-repository.ts'
import { type AuthServer, CHEAP_HASH, PASSWORD, TOKEN_SECRET } from './auth-server.ts'

const ACCESS_TOKEN_TTL = 600
const SESSIONS = 6
/** The counter of a session: every second session was refreshed twice. */
const counterOf = (index: number) => index % 2 === 0 ? 1 : 3

export interface Person {
  id: string
  email: string
  sessions: Array<{ id: string, accessToken: string, firstRefreshToken: string }>
  /** The ids of two API keys. */
  apiKeys: string[]
}

/** People whose rows the mutating operations fight for. */
export interface Arena {
  user: Person
  admins: [Person, Person]
  verifyToken: string
  resetTokens: string[]
  /** An address that several registrations wait for, each with a link of its own. */
  pendingEmail: string
  pendingTokens: string[]
  /** Two people want each other's address; a third one wants that of the registrations. */
  changeTokens: string[]
  /** A client address without failed logins. */
  from: string
}

/** Makes arenas with the service's code but without HTTP, which costs a tenth of registrations and logins. */
export async function createArenas (auth: AuthServer) {
  const { store: database } = auth
  const { connection } = database
  const keys = createKeyStore({
    database,
    encryptionKeys: [deriveKey(TOKEN_SECRET, 'signing-keys')],
    algorithm: 'EdDSA',
    accessTokenTtl: ACCESS_TOKEN_TTL,
    rotationSeconds: 86_400,
    log: console as never
  })
  await keys.start()
  const tokens = createSessionTokens({
    keys,
    refreshKeys: [deriveMacKey(TOKEN_SECRET, 'refresh-tokens')],
    issuer: 'http://127.0.0.1:3000',
    accessTokenTtl: ACCESS_TOKEN_TTL
  })
  const passwordHash = hashSync(PASSWORD, CHEAP_HASH)
  let made = 0

  async function person (role: 'user' | 'admin'): Promise<Person> {
    const account = {
      id: uuidv7(),
      email: `arena${++made}@example.test`,
      displayName: 'Somebody',
      emailVerified: false,
      role,
      language: null,
      createdAt: new Date()
    }
    await auth.sql(
      'INSERT INTO users (id, email, email_key, display_name, role, password_hash) VALUES ($1, $2, $2, $3, $4, $5)',
      account.id,
      account.email,
      account.displayName,
      role,
      passwordHash
    )
    const sessions = Array.from({ length: SESSIONS }, (_, index) => {
      const sessionId = uuidv7()
      const issue = (counter: number) =>
        tokens.issue(account, { sessionId, counter, accessExpiresAt: tokens.accessExpiry() }, tokens.accessExpiry())
      const { accessToken, refreshToken } = issue(1)
      return { id: sessionId, counter: counterOf(index), accessToken, firstRefreshToken: refreshToken }
    })
    await auth.sql(
      `INSERT INTO sessions
        (id, user_id, counter, created_at, last_used_at, expires_at, absolute_expiry, access_expires_at)
      SELECT id, $1, counter, now(), now(), now() + interval '1 day', now() + interval '1 day',
        now() + interval '10 minutes'
      FROM unnest($2::uuid[], $3::int[]) AS session (id, counter)`,
      account.id,
      sessions.map(({ id }) => id),
      sessions.map(({ counter }) => counter)
    )
    const apiKeys = [uuidv7(), uuidv7()]
    await auth.sql(
      `INSERT INTO api_keys (id, user_id, name, scopes, mac, created_at, access_expires_at)
      SELECT id, $1, 'A key', '{posts:read}', '', now(), now() FROM unnest($2::uuid[]) AS key (id)`,
      account.id,
      apiKeys
    )
    return { id: account.id, email: account.email, sessions, apiKeys }
  }

  async function pendingRegistration (email: string) {
    const id = uuidv7()
    await auth.sql(
      `INSERT INTO pending_registrations (id, email, email_key, display_name, password_hash, created_at, expires_at)
      VALUES ($1, $2, $2, 'Somebody', $3, now(), now() + interval '1 day')`,
      id,
      email,
      passwordHash
    )
    return emailTokenRepository.create(connection, 'confirm', { registrationId: id }, 3_600)
  }

  async function emailChange (userId: string, email: string) {
    const id = await emailChangeRepository.replace(connection, userId, email, new Date(Date.now() + 3_600_000))
    return emailTokenRepository.create(connection, 'change_email', { userId, emailChangeId: id }, 3_600)
  }

  return {
    async make (): Promise<Arena> {
      const [user, ...admins] = [await person('user'), await person('admin'), await person('admin')]
      const pendingEmail = `pending${++made}@example.test`
      const link = (purpose: 'verify_email' | 'reset_password') =>
        emailTokenRepository.create(connection, purpose, { userId: user!.id }, 3_600)
      return {
        user: user!,
        admins: admins as [Person, Person],
        verifyToken: await link('verify_email'),
        resetTokens: [await link('reset_password'), await link('reset_password')],
        pendingEmail,
        pendingTokens: [
          await pendingRegistration(pendingEmail),
          await pendingRegistration(pendingEmail),
          await pendingRegistration(pendingEmail)
        ],
        changeTokens: [
          await emailChange(user!.id, admins[0]!.email),
          await emailChange(admins[0]!.id, user!.email),
          await emailChange(admins[1]!.id, pendingEmail)
        ],
        from: `198.18.${made >> 8}.${made & 255}`
      }
    },
    close: () => keys.stop()
  }
}
