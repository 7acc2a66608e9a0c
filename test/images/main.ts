// Images and Compose file, really built and really run.
import { command, UsageError } from '../../scripts/command-line.ts'

const help = `
usage: pnpm images test [--when-changed]

Builds both images, starts docker-compose.yml as it is, walks the README, looks at users, file systems, memory and
sizes, runs two gateways and two posts, kills every part under load, stops, and starts again with the data there.

It takes the Docker that runs here, or, as root on Debian, one that it makes in a folder of the cache and ends
afterwards, with stand-ins for the base images where no registry can be reached. The first run takes some eight
minutes, later ones some four. Lists of what is in the images are left in .data/images; test/images-passed notes what
passed, and wants to be committed.

  --when-changed    only when what the images are made of is not what passed; where no Docker can be had it says so

Exit code 0: all is as it should be. 1: something is not, or it cannot be done here. 2: not a command.`

const say = (line: string) => { process.stdout.write(`${line}\n`) }

const options = { 'when-changed': { type: 'boolean' } } as const

await command({ name: 'images', help, options, words: [1, 1] }, async ({ values, words: [action] }) => {
  if (action !== 'test') throw new UsageError(`there is no command "${action}"`)
  const { hashOfInputs, notePassed, passedAlready } = await import('./inputs.ts')
  const [{ NoEngineError }, { testImages }] = await Promise.all([import('./engine-root.ts'), import('./run.ts')])
  if (values['when-changed'] && passedAlready()) return say('images: what they are made of has passed')
  const inputs = hashOfInputs()
  try {
    await testImages(say)
  } catch (error) {
    if (!values['when-changed'] || !(error instanceof NoEngineError)) throw error
    return say(`images: not tested, for ${error.message}`)
  }
  notePassed(inputs)
  say('the images run as docker-compose.yml says')
})
