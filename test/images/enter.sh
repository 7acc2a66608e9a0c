# Makes a folder the root of this mount namespace and runs a program there, with the repository at its usual path.
#   unshare --mount --propagation private sh enter.sh <folder> <repository> <program> …
set -eu
folder=$1 repository=$2
shift 2
mount --bind "$folder" "$folder"
for part in proc sys dev; do mount --rbind "/$part" "$folder/$part"; done
mount -t tmpfs tmpfs "$folder/run"
mkdir -p "$folder$repository" "$folder/.old"
mount --bind "$repository" "$folder$repository"
cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
cd "$folder"
pivot_root . .old
umount -l /.old
exec "$@"
