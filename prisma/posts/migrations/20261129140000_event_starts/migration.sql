-- CreateTable
CREATE TABLE "event_starts" (
    "consumer" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "starts" INTEGER NOT NULL,
    "begun_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_starts_pkey" PRIMARY KEY ("consumer","event_id")
);

-- By hand.

-- Starts were counted here, under the event's id.
DELETE FROM "inbox" WHERE "consumer" LIKE '%:starts';
