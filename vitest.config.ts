import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Short files that take long: one waits for half a minute, the others are made of several. They would be begun last,
 * and the run would end with waiting for them.
 */
const LONG = /slow-clients|from-outside|client\/test\/system/

class LongFirst extends BaseSequencer {
  override async sort (files: TestSpecification[]) {
    const sorted = await super.sort(files)
    return [
      ...sorted.filter(({ moduleId }) => LONG.test(moduleId)),
      ...sorted.filter(({ moduleId }) => !LONG.test(moduleId))
    ]
  }
}

export default defineConfig({
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'services/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'examples/**/*.test.ts'
    ],
    // One PostgreSQL and one Redis for the run; every test file has databases of its own in it.
    globalSetup: ['test/setup/servers.ts'],
    pool: 'forks',
    // Files that share a process share what it has loaded, which is a fifth of the run; none keeps anything in modules.
    isolate: false,
    // More than there are cores: a third of the run waits for processes, disks and clocks.
    maxWorkers: 5,
    sequence: { sequencer: LongFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    reporters: ['default', './test/setup/tally-reporter.ts']
  }
})
