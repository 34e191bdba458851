#!/bin/sh
# Installs etmem from this folder, or takes it away: install.sh [--uninstall]. DESTDIR=/some/root installs below it.
# A file in /etc/etmem that was changed stays; the new one lies beside it with .new at its end.
set -eu
cd "$(dirname "$0")/files"
root=${DESTDIR:-}

files() { find . ! -type d | sed 's/^\.//' | LC_ALL=C sort; }

# Where a file goes: machines with a folder of libraries for each platform do not look for them in /usr/lib64.
place() {
  folder=/usr/lib/$(uname -m)-linux-gnu
  case $1 in
    /usr/lib64/*) if [ -d "$root$folder" ]; then echo "$root$folder/${1##*/}"; else echo "$root$1"; fi ;;
    *) echo "$root$1" ;;
  esac
}

service() {
  if [ -z "$root" ] && command -v systemctl >/dev/null 2>&1; then systemctl "$@" >/dev/null 2>&1 || :; fi
}

install_files() {
  [ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "install.sh: run it as root, or with DESTDIR=FOLDER" >&2; exit 1; }
  mkdir -p "$root/etc/etmem/conf.d" && chmod 750 "$root/etc/etmem" "$root/etc/etmem/conf.d"
  files | while read -r file; do
    to=$(place "$file")
    mkdir -p "$(dirname "$to")"
    case $file in
      /etc/*) if [ -e "$to" ] && ! cmp -s ".$file" "$to"; then to=$to.new; fi ;;
    esac
    # Beside the old file first: whoever runs it meanwhile keeps it.
    cp -P ".$file" "$to.$$"
    [ -L "$to.$$" ] || chmod "$(stat -c %a ".$file")" "$to.$$"
    mv -f "$to.$$" "$to"
  done
  service daemon-reload
  service try-restart etmemd.service
}

uninstall_files() {
  service disable --now etmemd.service
  files | while read -r file; do
    case $file in
      /etc/*) if [ -e "$root$file" ] && ! cmp -s ".$file" "$root$file"; then echo "keeping $root$file, which was changed"; continue; fi ;;
    esac
    rm -f "$(place "$file")"
  done
  rm -rf "$root/var/lib/etmem"
  for folder in /etc/etmem/conf.d /etc/etmem /usr/share/etmem /usr/share/doc/etmem \
    /usr/share/doc/etmem-devel/examples /usr/share/doc/etmem-devel /usr/share/licenses/etmem; do
    rmdir "$root$folder" 2>/dev/null || :
  done
  service daemon-reload
}

case ${1:-} in
  "") install_files ;;
  --uninstall) uninstall_files ;;
  *) echo "install.sh: there is only --uninstall" >&2; exit 2 ;;
esac
