import { service } from '../service.ts'
import { discoveryOperations } from './discovery-operations.ts'
import { gatewayOperations } from './operations.ts'
import { pageOperations } from './page-operations.ts'
import { edgeProblems } from './problems.ts'

/** The public edge. It forwards the operations of the other services, and its problems are anybody's. */
export const gateway = service({
  name: 'gateway',
  summary: 'Answers put together from several services, live events, documents and probes.',
  port: 3000,
  store: 'none',
  problems: edgeProblems,
  operations: [...gatewayOperations, ...pageOperations, ...discoveryOperations]
})
