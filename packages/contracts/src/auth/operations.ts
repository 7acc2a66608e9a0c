import { accountOperations } from './account-operations.ts'
import { addressOperations } from './address-operations.ts'
import { introspectToken } from './introspection.ts'
import { keyOperations } from './key-operations.ts'
import { sessionOperations } from './session-operations.ts'
import { listAudit, userOperations } from './user-operations.ts'

export const authOperations = [
  ...accountOperations,
  ...sessionOperations,
  introspectToken,
  ...addressOperations,
  ...userOperations,
  listAudit,
  ...keyOperations
]
