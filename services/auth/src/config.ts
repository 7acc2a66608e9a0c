import { SIGNING_ALGORITHMS } from '@gatepost/contracts/auth/schemas'
import { auth } from '@gatepost/contracts/auth/service'
import { serviceSettings } from '@gatepost/service/settings'
import { trustedProxies } from '@gatepost/service-kit/client-address'
import { choice, flag, integer, origin, seconds, text, url } from '@gatepost/service-kit/setting-kinds'
import { accessTokenTtl } from '@gatepost/service-kit/settings'
import { Type, type StaticDecode } from '@sinclair/typebox'

const DAY = 86_400

/** The settings of the auth process; docs/environment.md is generated from them. */
export const settingsSchema = Type.Object({
  ...serviceSettings(auth),
  TOKEN_SECRET: text({
    description: 'Protects refresh tokens and the keys at rest; at least 32 bytes',
    minLength: 32,
    needs: 'at least 32 characters from a random source',
    secret: true
  }),
  TOKEN_SECRET_PREVIOUS: Type
    .Optional(text({
      description:
        'The secret before a change: its tokens and keys stay good and are renewed by use; kept for REFRESH_IDLE_TTL',
      minLength: 32,
      needs: 'at least 32 characters',
      secret: true
    })),
  ACCESS_TOKEN_TTL: accessTokenTtl,
  REFRESH_IDLE_TTL: seconds({
    description: 'Seconds without use after which a session ends',
    default: String(30 * DAY)
  }),
  REFRESH_ABSOLUTE_TTL: seconds({
    description: 'Seconds after which a session ends, however much it is used',
    default: String(90 * DAY)
  }),
  MAX_SESSIONS_PER_USER: integer({
    description: 'Live sessions of one user; a login beyond them ends the oldest',
    default: '100',
    minimum: 1,
    maximum: 10_000
  }),
  KEY_ROTATION_INTERVAL: seconds({
    description: 'Seconds for which a signing key signs before the next one replaces it',
    default: String(30 * DAY),
    minimum: 120
  }),
  SIGNING_ALG: choice(SIGNING_ALGORITHMS, {
    description: 'What signs access tokens: Ed25519, or P-256 for verifiers that know no EdDSA',
    default: 'EdDSA'
  }),
  PUBLIC_URL: origin({
    description: 'The origin that clients call: the iss of tokens, and the base of links',
    default: 'http://127.0.0.1:3000'
  }),
  MAIL_LINK_URL: Type
    .Optional(url({
      description: 'The web application of the links in mails; without it they lead to pages of the gateway',
      schemes: ['http', 'https']
    })),
  UNVERIFIED_ACCOUNTS: choice(['allow', 'refuse'], {
    description:
      'With REQUIRE_EMAIL_VERIFICATION: whether accounts from before, whose address nobody has confirmed, may be used',
    default: 'allow'
  }),
  REQUIRE_EMAIL_VERIFICATION: flag({
    description: 'Whether an account begins only when its e-mail address is confirmed',
    default: 'false'
  }),
  SMTP_URL: Type
    .Optional(url({
      description: 'The mail server: smtp://user:password@host:587, smtps://…',
      schemes: ['smtp', 'smtps'],
      secret: true
    })),
  MAIL_FROM: text({ description: 'The sender of mails', default: 'Gatepost <no-reply@localhost>' }),
  MAIL_DIR: text({ description: 'The folder that mails go to while there is no SMTP_URL', default: '.data/mail' }),
  MAIL_LANGUAGE: text({
    description: 'The language of mails to users who have none, or one without templates',
    pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
    needs: 'a language such as en or pt-BR',
    default: 'en'
  }),
  MAIL_TEMPLATES: Type
    .Optional(text({
      description: 'A folder with templates over those in services/auth/mails: <language>/<kind>.txt and .html'
    })),
  AUDIT_RETENTION_DAYS: Type
    .Optional(integer({
      description: 'Days after which `pnpm admin prune-audit` deletes acts of the audit trail; without it they stay',
      minimum: 1,
      maximum: 36_500
    })),
  PASSWORD_PEPPER: Type
    .Optional(text({
      description: 'A secret that goes into every password hash and is in no database',
      minLength: 32,
      needs: 'at least 32 characters from a random source',
      secret: true
    })),
  PASSWORD_PEPPER_PREVIOUS: Type
    .Optional(text({
      description: 'The pepper before a change; a login upgrades hashes that were made with it',
      minLength: 32,
      needs: 'at least 32 characters',
      secret: true
    })),
  HASH_CONCURRENCY: Type
    .Optional(integer({
      description:
        'Passwords hashed at once by one auth process; by default one a core, too many where processes share the cores',
      minimum: 1,
      maximum: 128
    })),
  TRUSTED_PROXIES: Type
    .Optional(trustedProxies({ description: 'Proxies whose X-Forwarded-* is believed; auth believes loopback too' }))
}, { title: 'auth' })

export type Settings = StaticDecode<typeof settingsSchema>
