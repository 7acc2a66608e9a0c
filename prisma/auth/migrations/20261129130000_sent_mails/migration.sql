-- CreateTable
CREATE TABLE "sent_mails" (
    "id" UUID NOT NULL,
    "address" BYTEA NOT NULL,
    "kind" TEXT NOT NULL,
    "sent_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "sent_mails_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "sent_mails_address_kind_sent_at_idx" ON "sent_mails"("address", "kind", "sent_at");

-- CreateIndex
CREATE INDEX "sent_mails_sent_at_idx" ON "sent_mails"("sent_at");

-- By hand.

-- The text of a mail server repeats the address: it is not kept any more, nor what was kept of it.
UPDATE "jobs" SET "last_error" = NULL;
