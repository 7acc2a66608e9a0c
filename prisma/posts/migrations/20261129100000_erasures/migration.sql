-- CreateTable
CREATE TABLE "erasures" (
    "aggregate_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "requested_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "erased_at" TIMESTAMPTZ(6),

    CONSTRAINT "erasures_pkey" PRIMARY KEY ("aggregate_id")
);

-- CreateTable
CREATE TABLE "event_positions" (
    "stream_sequence" BIGINT NOT NULL,
    "aggregate_id" UUID NOT NULL,

    CONSTRAINT "event_positions_pkey" PRIMARY KEY ("stream_sequence")
);

-- CreateTable
CREATE TABLE "stream_readings" (
    "stream" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,

    CONSTRAINT "stream_readings_pkey" PRIMARY KEY ("stream")
);

-- CreateIndex
CREATE INDEX "erasures_due_at_idx" ON "erasures"("due_at");

-- CreateIndex
CREATE INDEX "event_positions_aggregate_id_idx" ON "event_positions"("aggregate_id");

-- By hand.

-- What an operator watches: the oldest erasure that is not done.
CREATE INDEX "erasures_waiting" ON "erasures"("requested_at") WHERE "erased_at" IS NULL;
