import { request } from 'node:http'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

/** One call with exactly these headers: fetch would choose some of them itself. */
export async function ask (
  url: string,
  { method = 'GET', headers = {}, body }: { method?: string, headers?: Record<string, string>, body?: string } = {}
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const asked = request(url, { method, headers, agent: false }, (answer) => {
    let text = ''
    answer.setEncoding('utf8').on('data', (part: string) => {
      text += part
      // A stream of events has no end; what it begins with is its answer.
      if (answer.headers['content-type'] === 'text/event-stream') asked.destroy()
    })
    answer.on('close', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }))
  })
  asked.on('error', reject)
  asked.end(body)
  return promise
}

/** The cookie that a link gives. */
export async function enter (link: string): Promise<string> {
  const { headers } = await ask(link)
  return String(headers['set-cookie']).split(';')[0]!
}
