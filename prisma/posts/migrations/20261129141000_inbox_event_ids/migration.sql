-- AlterTable
ALTER TABLE "inbox" ADD COLUMN     "event_id" UUID;

-- CreateTable
CREATE TABLE "inbox_collisions" (
    "consumer" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "aggregate_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "found_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_collisions_pkey" PRIMARY KEY ("consumer","event_id")
);
