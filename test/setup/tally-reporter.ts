import type { Reporter, TestModule } from 'vitest/node'

/** Ends the run with one machine-readable line. */
export default class TallyReporter implements Reporter {
  onTestRunEnd (modules: readonly TestModule[], unhandledErrors: readonly unknown[]) {
    const states = modules.flatMap((module) => [...module.children.allTests()]).map((test) => test.result().state)
    const count = (state: string) => states.filter((each) => each === state).length
    const brokenFiles =
      modules.filter((module) =>
        module.state() === 'failed' && [...module.children.allTests()].every((test) => test.result().state !== 'failed')
      ).length
    const skipped = count('skipped') + count('pending')
    process.stdout
      .write(`\n${count('passed')} passed, ${count('failed') + brokenFiles + unhandledErrors.length} failed${
        skipped > 0 ? `, ${skipped} skipped` : ''
      }\n`)
  }
}
