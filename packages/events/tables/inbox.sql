CREATE TABLE "inbox" (
    "consumer" TEXT NOT NULL,
    "aggregate_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "event_id" UUID,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_pkey" PRIMARY KEY ("consumer","aggregate_id")
);

CREATE TABLE "event_starts" (
    "consumer" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "starts" INTEGER NOT NULL,
    "begun_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_starts_pkey" PRIMARY KEY ("consumer","event_id")
);

CREATE TABLE "inbox_collisions" (
    "consumer" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "aggregate_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "found_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_collisions_pkey" PRIMARY KEY ("consumer","event_id")
);
