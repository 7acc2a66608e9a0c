import { auth } from '@gatepost/contracts/auth/service'
import { type Database as DatabaseOf, databaseOpener } from '@gatepost/service/database'
import { type Prisma, PrismaClient } from '../../generated/client.ts'

/** A transaction, or the database for one statement by itself; the first argument of repositories' methods. */
export type Connection = Prisma.TransactionClient
export type Database = DatabaseOf<Connection>

export const openDatabase = databaseOpener<Connection>(auth, (adapter) => new PrismaClient({ adapter }))
