-- By hand: partial indexes, which Prisma's schema language cannot say.

-- Rows that wait for the relay, and rows that wait for an operator: few, however many are kept or wait beside them.
DROP INDEX "outbox_unpublished";
CREATE INDEX "outbox_waiting" ON "outbox"("id") WHERE "stream_sequence" IS NULL AND "quarantined_at" IS NULL;
CREATE INDEX "outbox_quarantined" ON "outbox"("aggregate_id") WHERE "stream_sequence" IS NULL AND "quarantined_at" IS NOT NULL;
