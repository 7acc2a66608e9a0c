import pg from 'pg'

const GRANTEES =
  `SELECT DISTINCT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS role
  FROM pg_class, aclexplode(relacl)
  WHERE oid = to_regclass('audit_log') AND grantee <> relowner AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')`

/**
 * Lets nobody but the owner change the audit trail, whatever the role of the service is called. The URL is the owner's.
 */
export async function protectAuditTrail (ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ role: string }>(GRANTEES)
    for (const { role } of rows) await client.query(`REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM ${role}`)
  } finally {
    await client.end()
  }
}
