-- The trail of a user is read both ways: acts on the user, acts of the user.
CREATE INDEX "audit_log_actor_id_id_idx" ON "audit_log"("actor_id", "id");

-- A login asks for a session of the user from this network.
CREATE INDEX "sessions_user_id_network_idx" ON "sessions"("user_id", "network");
DROP INDEX "sessions_user_id_idx";

-- The newest registrations of an address.
CREATE INDEX "pending_registrations_email_key_id_idx" ON "pending_registrations"("email_key", "id");
DROP INDEX "pending_registrations_email_key_idx";

-- Maintenance deletes by these.
CREATE INDEX "api_keys_expires_at_idx" ON "api_keys"("expires_at");

-- By hand.

-- The list of users passes over none that left.
CREATE INDEX "users_present" ON "users"("id") WHERE "deleted_at" IS NULL;

CREATE INDEX "sessions_ended" ON "sessions"("ended_at") WHERE "ended_at" IS NOT NULL;
CREATE INDEX "jobs_failed" ON "jobs"("failed_at") WHERE "failed_at" IS NOT NULL;

-- The mails of an account that is erased.
CREATE INDEX "jobs_of_user" ON "jobs"(("payload"->>'userId'));
CREATE INDEX "jobs_of_email" ON "jobs"(("payload"->>'email'));
