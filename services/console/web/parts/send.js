/** A call that changes something; the body that came back, and whether it went well. */
export async function send (method, path, body) {
  try {
    const answer = await fetch(path, {
      method,
      ...body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    })
    const text = await answer.text()
    const isJson = (answer.headers.get('content-type') ?? '').includes('json')
    return { ok: answer.ok, body: isJson && text !== '' ? JSON.parse(text) : { message: text.trim() } }
  } catch {
    return { ok: false, body: { message: 'The console does not answer.' } }
  }
}
