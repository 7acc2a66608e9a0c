/** Calls that must succeed. */
export function createCaller (token?: string) {
  async function call (url: string, init: RequestInit = {}, bearer = token) {
    const answer = await fetch(url, {
      ...init,
      headers: { ...init.headers, ...bearer && { authorization: `Bearer ${bearer}` } }
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${url}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  return {
    get: (url: string, bearer?: string) => call(url, {}, bearer),
    post: (url: string, body: object, bearer?: string) =>
      call(url, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }, bearer)
  }
}
