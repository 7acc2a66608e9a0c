/**
 * Plain SQL inside the caller's transaction, with `$1` placeholders. A service adapts its own driver to it
 * (Prisma: `(text, values) => tx.$queryRawUnsafe(text, ...values)`); the texts cast their parameters themselves.
 */
export interface Sql {
  query<Row = unknown> (text: string, values?: readonly unknown[]): Promise<Row[]>
}
