import { feed } from '@gatepost/contracts/feed/service'
import { type Database as DatabaseOf, databaseOpener } from '@gatepost/service/database'
import { type Prisma, PrismaClient } from '../generated/client.ts'

/** Inside a transaction, or one statement by itself: what repositories take as their first argument. */
export type Connection = Prisma.TransactionClient
export type Database = DatabaseOf<Connection>

export const openDatabase = databaseOpener<Connection>(feed, (adapter) => new PrismaClient({ adapter }))
