import type { FastifyBaseLogger } from 'fastify'
import { createAccountService } from './accounts/account-service.ts'
import { createEmailChangeService } from './accounts/email-change-service.ts'
import { createPasswordService } from './accounts/password-service.ts'
import { createRegistrationService } from './accounts/registration-service.ts'
import { createAdministrationService } from './administration/administration-service.ts'
import { createManagedUserService } from './administration/managed-user-service.ts'
import { createApiKeyService } from './api-keys/api-key-service.ts'
import { createPasswordChecker } from './attempts/password-check.ts'
import { createAuditService } from './audit/audit-service.ts'
import type { AuthMetrics } from './auth-metrics.ts'
import type { Settings } from './config.ts'
import type { Database } from './database/database.ts'
import { createKeyStore } from './keys/key-store.ts'
import type { HashParameters } from './passwords/password-hash.ts'
import { createPasswordHasher } from './passwords/password-hasher.ts'
import { deriveKey, deriveMacKey, secretsOf } from './secrets.ts'
import { createLoginService } from './sessions/login-service.ts'
import { createRefreshService } from './sessions/refresh-service.ts'
import { createSessionService } from './sessions/session-service.ts'
import { createSessionTokens } from './sessions/session-tokens.ts'
import { createProfileService } from './users/profile-service.ts'
import { mayBeUsed } from './users/unverified-accounts.ts'

export interface ServicesOptions {
  settings: Settings
  database: Database
  log: FastifyBaseLogger
  hashParameters?: HashParameters
  metrics: AuthMetrics
  onEvents: () => void
  onMail: () => void
}

export type Services = Awaited<ReturnType<typeof createServices>>

/** What auth does, without HTTP: makes every part once and hands it the parts that it needs. */
export async function createServices (
  { settings, database, log, hashParameters, metrics, onEvents, onMail }: ServicesOptions
) {
  const {
    TOKEN_SECRET,
    ACCESS_TOKEN_TTL,
    REFRESH_IDLE_TTL,
    REFRESH_ABSOLUTE_TTL,
    KEY_ROTATION_INTERVAL,
    SIGNING_ALG,
    PUBLIC_URL,
    REQUIRE_EMAIL_VERIFICATION,
    PASSWORD_PEPPER,
    PASSWORD_PEPPER_PREVIOUS,
    HASH_CONCURRENCY,
    MAX_SESSIONS_PER_USER
  } = settings
  const isUsable = mayBeUsed(settings)
  const lifetimes = { idleSeconds: REFRESH_IDLE_TTL, absoluteSeconds: REFRESH_ABSOLUTE_TTL }
  const secrets = secretsOf(settings)
  const attemptKey = deriveMacKey(TOKEN_SECRET, 'login-attempts')
  const keys = createKeyStore({
    database,
    encryptionKeys: secrets.map((secret) => deriveKey(secret, 'signing-keys')),
    algorithm: SIGNING_ALG,
    accessTokenTtl: ACCESS_TOKEN_TTL,
    rotationSeconds: KEY_ROTATION_INTERVAL,
    log
  })
  const tokens = createSessionTokens({
    keys,
    refreshKeys: secrets.map((secret) => deriveMacKey(secret, 'refresh-tokens')),
    issuer: PUBLIC_URL,
    accessTokenTtl: ACCESS_TOKEN_TTL
  })
  const hasher = await createPasswordHasher({
    pepper: PASSWORD_PEPPER,
    previousPepper: PASSWORD_PEPPER_PREVIOUS,
    concurrency: HASH_CONCURRENCY,
    parameters: hashParameters
  })
  const checker = createPasswordChecker({ database, hasher, attemptKey, metrics })
  metrics.observeHasher(hasher)
  return {
    keys,
    registrations: createRegistrationService({
      database,
      hasher,
      tokens,
      lifetimes,
      requireVerification: REQUIRE_EMAIL_VERIFICATION,
      onEvents,
      onMail
    }),
    accounts: createAccountService({ database, checker, onEvents, onMail }),
    emailChanges: createEmailChangeService({ database, checker, onMail }),
    passwords: createPasswordService({ database, checker, hasher, attemptKey, onEvents, onMail }),
    logins: createLoginService({
      database,
      checker,
      hasher,
      tokens,
      lifetimes,
      maxSessions: MAX_SESSIONS_PER_USER,
      isUsable,
      log,
      onEvents,
      onMail
    }),
    refreshes: createRefreshService({ database, tokens, lifetimes, isUsable, metrics, onEvents }),
    sessions: createSessionService({ database, onEvents }),
    administration: createAdministrationService({ database, hasher, onEvents, onMail }),
    apiKeys: createApiKeyService({
      database,
      checker,
      tokens,
      macKeys: secrets.map((secret) => deriveMacKey(secret, 'api-keys')),
      isUsable,
      onEvents,
      onMail
    }),
    profiles: createProfileService({ database }),
    managedUsers: createManagedUserService({ database, onEvents, onMail }),
    audits: createAuditService({ database })
  }
}
