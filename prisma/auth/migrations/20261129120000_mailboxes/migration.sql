-- By hand.

-- Accounts whose key may have been made when each spelling of a domain had one of its own: few of all.
CREATE INDEX "users_unicode_keys" ON "users"("id") WHERE octet_length("email_key") <> char_length("email_key");
