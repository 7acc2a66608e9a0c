-- By hand: what Prisma's schema language cannot say. Administrators search by the beginning of an address or of words of a name.
CREATE INDEX "users_email_key_prefix" ON "users"("email_key" text_pattern_ops) WHERE "deleted_at" IS NULL;
CREATE INDEX "users_display_name_words" ON "users" USING GIN (to_tsvector('simple', "display_name"));
