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
# What the file does not start without: ${NAME:?…}.
for name in $(sed -n 's/.*\${\([A-Z_]*\):?.*/\1/p' "$(dirname "$0")/../docker-compose.yml" | sort -u)
do
  echo "$name=$(secret)"
done > "$file.unfinished"
mv "$file.unfinished" "$file"
