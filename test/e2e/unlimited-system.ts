import { startSystem, type System } from '@gatepost/testing/system'

/** Limits that no test reaches. */
export const UNLIMITED = { RATE_LIMIT_MAX: '1000000', SENSITIVE_RATE_LIMIT_MAX: '100000' }

/** A system without limits, and the parts that `build` adds to it. When these fail the system is stopped. */
export async function stageOn<Stage> (build: (system: System) => Promise<Stage>): Promise<Stage> {
  const system = await startSystem({ env: UNLIMITED })
  try {
    return await build(system)
  } catch (error) {
    await system.stop()
    throw error
  }
}
