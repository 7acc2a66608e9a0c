CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL,
    "event_id" UUID NOT NULL,
    "aggregate_id" UUID NOT NULL,
    "aggregate_version" INTEGER NOT NULL,
    "subject" TEXT NOT NULL,
    "payload" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "stream_sequence" BIGINT,
    "published_at" TIMESTAMPTZ(6),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "quarantined_at" TIMESTAMPTZ(6),
    "last_error" TEXT,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "outbox_lease" (
    "name" TEXT NOT NULL,
    "holder" UUID,
    "epoch" BIGINT NOT NULL DEFAULT 0,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "outbox_lease_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "erasures" (
    "aggregate_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "requested_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "erased_at" TIMESTAMPTZ(6),

    CONSTRAINT "erasures_pkey" PRIMARY KEY ("aggregate_id")
);

CREATE TABLE "event_positions" (
    "stream_sequence" BIGINT NOT NULL,
    "aggregate_id" UUID NOT NULL,

    CONSTRAINT "event_positions_pkey" PRIMARY KEY ("stream_sequence")
);

CREATE TABLE "stream_readings" (
    "stream" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,

    CONSTRAINT "stream_readings_pkey" PRIMARY KEY ("stream")
);

CREATE UNIQUE INDEX "outbox_event_id_key" ON "outbox"("event_id");
CREATE INDEX "outbox_published_at_idx" ON "outbox"("published_at");
CREATE UNIQUE INDEX "outbox_aggregate_id_aggregate_version_key" ON "outbox"("aggregate_id", "aggregate_version");
CREATE INDEX "erasures_due_at_idx" ON "erasures"("due_at");
CREATE INDEX "event_positions_aggregate_id_idx" ON "event_positions"("aggregate_id");

-- Partial indexes, which Prisma's schema language cannot say: what the relay, an operator and the eraser look for stays
-- small however many rows are kept.
CREATE INDEX "outbox_waiting" ON "outbox"("id") WHERE "stream_sequence" IS NULL AND "quarantined_at" IS NULL;
CREATE INDEX "outbox_quarantined" ON "outbox"("aggregate_id")
  WHERE "stream_sequence" IS NULL AND "quarantined_at" IS NOT NULL;
CREATE INDEX "erasures_waiting" ON "erasures"("requested_at") WHERE "erased_at" IS NULL;
