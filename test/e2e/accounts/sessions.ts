import { eventually } from '@gatepost/testing/eventually'
import { beforeAll, expect, test } from 'vitest'
import { codes } from '../client.ts'
import { type AccountStage, PASSWORD } from './stage.ts'

/** Sessions and the end of an account, as all gateways see them. */
export function sessions (started: () => AccountStage) {
  let stage: AccountStage
  beforeAll(() => { stage = started() })

  test('sessions are listed with device and address; a deleted one ends everywhere and keeps its reason', async () => {
    const { body: phone } = await stage.login(stage.ada.email, stage.ada.password, { 'user-agent': 'Phone/1.0' })
    const { body: { items } } = await stage.get('/api/auth/sessions', stage.ada.accessToken)
    expect(items).toHaveLength(2)
    expect(items.find(({ id }: { id: string }) => id === phone.sessionId)).toMatchObject({
      userAgent: 'Phone/1.0',
      ipAddress: '127.0.0.1',
      current: false,
      endReason: null
    })
    expect(items.find(({ id }: { id: string }) => id === stage.ada.sessionId)).toMatchObject({ current: true })
    const end = (token: string) => stage.ask('DELETE', `/api/auth/sessions/${phone.sessionId}`, { token })
    expect(codes(await end(stage.ben.accessToken))).toEqual([404, 'AUTH_SESSION_NOT_FOUND'])
    expect((await end(stage.ada.accessToken)).status).toBe(204)
    await stage.dead(phone.accessToken)
    const ended = await stage.get('/api/auth/sessions?ended=true', stage.ada.accessToken)
    expect(ended.body.items).toMatchObject([{
      id: phone.sessionId,
      endReason: 'ended',
      endedAt: expect.stringMatching(/Z$/)
    }])
  })

  test('a deleted account is gone with its sessions, and its address is free; the password is asked for', async () => {
    const account = await stage.register('Leaving')
    const { body: other } = await stage.login(account.email, account.password)
    const leave = (password: string) =>
      stage.post('/api/auth/delete-account', { token: account.accessToken, body: { password } })
    expect(codes(await leave('not the password'))).toEqual([403, 'AUTH_WRONG_PASSWORD'])
    expect((await leave(account.password)).status).toBe(204)
    await stage.dead(account.accessToken, other.accessToken)
    await eventually(() =>
      expect(stage.subscriber.messages.some(({ subject, body }) =>
        subject === 'events.auth.user-deleted.v1' && body.includes(account.userId)
      )).toBe(true)
    )
    const body = { email: account.email, password: PASSWORD, displayName: 'New' }
    expect((await stage.post('/api/auth/register', { body })).status).toBe(201)
  })
}
