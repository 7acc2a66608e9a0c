import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { codes } from '../client.ts'
import { runCommand } from '../command.ts'
import type { AccountStage } from './stage.ts'

/** Administrators and the audit trail. */
export function administration (started: () => AccountStage) {
  let stage: AccountStage
  beforeAll(() => { stage = started() })

  test('a new administrator lists and disables users and deletes any post at once; nobody else may', async () => {
    const [chief, victim] = [await stage.register('Chief'), await stage.register('Victim')]
    expect(codes(await stage.get('/api/auth/users', chief.accessToken))).toEqual([403, 'FORBIDDEN'])
    await runCommand(stage.system, 'admin', 'grant', '--unverified', chief.email)
    await stage.dead(chief.accessToken)
    const { body: { accessToken: token, user } } = await stage.login(chief.email, chief.password)
    expect(user.role).toBe('admin')
    expect((await stage.get('/api/auth/users?limit=100', token)).body.items.map(({ id }: { id: string }) => id))
      .toEqual(expect.arrayContaining([chief.userId, victim.userId]))
    const post = { title: 'Mine', content: 'text' }
    const written = await stage.post('/api/posts', { token: victim.accessToken, body: post })
    const remove = (by: string) => stage.ask('DELETE', `/api/posts/${written.body.id}`, { token: by })
    expect([(await remove(stage.ben.accessToken)).status, (await remove(token)).status]).toEqual([403, 204])
    const manage = (body: object, by = token) =>
      stage.ask('PATCH', `/api/auth/users/${victim.userId}`, { token: by, body })
    expect((await manage({ disabled: true }, stage.ben.accessToken)).status).toBe(403)
    expect((await manage({ disabled: true })).status).toBe(200)
    await stage.dead(victim.accessToken)
    expect(codes(await stage.login(victim.email, victim.password))).toEqual([401, 'AUTH_INVALID_CREDENTIALS'])

    const path = `/api/auth/audit?userId=${victim.userId}&limit=100`
    expect((await stage.get(path, token)).body.items.map(({ act }: { act: string }) => act))
      .toEqual(expect.arrayContaining(['registered', 'disabled', 'login-failed']))
    expect(codes(await stage.get(path, stage.ben.accessToken))).toEqual([403, 'FORBIDDEN'])
  })

  test('the audit trail of a user has each act with the id of its request', async () => {
    await stage.login(stage.ben.email, 'not the password', { 'x-request-id': 'an-id-of-my-own' })
    const { body: { items } } = await stage.get('/api/auth/audit', stage.ben.accessToken)
    expect(items[0]).toMatchObject({
      act: 'login-failed',
      userId: stage.ben.userId,
      requestId: 'an-id-of-my-own',
      ipAddress: '127.0.0.1'
    })
    expect(new Set(items.map(({ userId }: { userId: string }) => userId))).toEqual(new Set([stage.ben.userId]))
  })

  test('the service cannot change the audit trail', async () => {
    const sql = new pg.Client({
      connectionString: stage.system.databaseUrl('auth'),
      options: '-c search_path=public -c statement_timeout=5s'
    })
    await sql.connect()
    for (const statement of ["UPDATE audit_log SET act = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log']) {
      await expect(sql.query(statement)).rejects.toThrow(/permission denied/)
    }
    await sql.end()
  })
}
