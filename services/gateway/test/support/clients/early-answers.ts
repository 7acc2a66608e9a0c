// Posts bodies and prints what came of each: node early-answers.ts (url size times type authorization)…
const args = process.argv.slice(2)
for (let at = 0; at < args.length; at += 5) {
  const [url = '', size, times, type = '', authorization = ''] = args.slice(at, at + 5)
  for (let i = 0; i < Number(times); i++) {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        body: Buffer.alloc(Number(size), ' '),
        headers: { 'content-type': type, ...authorization && { authorization } }
      })
      await answer.arrayBuffer()
      process.stdout.write(`${answer.status}\n`)
    } catch (error) {
      process.stdout.write(`${String((error as Error).cause ?? error)}\n`)
    }
  }
}
