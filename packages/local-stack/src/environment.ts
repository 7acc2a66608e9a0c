export type Env = Readonly<Record<string, string | undefined>>

/**
 * What a process needs of its user's environment to run on this system: where programs, folders and certificates are,
 * and what is meant for every Node process. Proxies are left out: nothing of ours is behind one.
 */
const SYSTEM = new Set([
  'PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LANGUAGE',
  'USERPROFILE', 'TEMP', 'TMP', 'SYSTEMROOT', 'PATHEXT',
  'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'NODE_COMPILE_CACHE', 'UV_THREADPOOL_SIZE', 'SSL_CERT_FILE', 'SSL_CERT_DIR'
])

/** The part of an environment that every child gets; variables of other tools stay outside. */
export function systemEnvironment (env: Env): Record<string, string | undefined> {
  return Object
    .fromEntries(Object.entries(env).filter(([name]) => SYSTEM.has(name.toUpperCase()) || name.startsWith('LC_')))
}
