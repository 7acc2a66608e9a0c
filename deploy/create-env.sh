#!/bin/sh
# Writes the secrets that docker-compose.yml wants into a file that only you can read; an existing one is left alone.
#   sh deploy/create-env.sh          writes .env beside docker-compose.yml
#   sh deploy/create-env.sh <file>   writes elsewhere
set -eu
file=${1:-$(dirname "$0")/../.env}
if [ -e "$file" ]; then
  echo "$file exists already" >&2
  exit 1
fi
umask 077
secret () { od -An -tx1 -N32 /dev/urandom | tr -d ' \n'; }
for name in POSTGRES_PASSWORD REDIS_PASSWORD TOKEN_SECRET \
  AUTH_DATABASE_PASSWORD AUTH_OWNER_PASSWORD POSTS_DATABASE_PASSWORD POSTS_OWNER_PASSWORD FEED_DATABASE_PASSWORD FEED_OWNER_PASSWORD \
  NATS_AUTH_PASSWORD NATS_POSTS_PASSWORD NATS_FEED_PASSWORD NATS_GATEWAY_PASSWORD NATS_PROVISIONER_PASSWORD
do
  echo "$name=$(secret)"
done > "$file.unfinished"
mv "$file.unfinished" "$file"
