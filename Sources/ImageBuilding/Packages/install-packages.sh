#!/bin/sh
# Installs the packages of one build into the root that it runs in, with no network and no service started.
#
#   sh install-packages.sh FOLDER
#
# FOLDER holds the .debs and
#   steps            one dpkg call a line, in apt's order: "unpack FILE…" or "configure PACKAGE…"
#   installed        the packages that this run installs, one a line
#   wanted           the packages that have to be installed in the end, one a line
#   extended_states  apt's own note of which packages came along only because others need them
#
# It ends with status 0 when every wanted package is installed and dpkg has nothing to complain about. What dpkg said
# goes to stdout then, and to stderr otherwise. It leaves no file of its own behind, whatever happens.
set -euf
umask 022
cd "$1"

export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true DEBCONF_NOWARNINGS=yes
export SYSTEMD_OFFLINE=1 LC_ALL=C.UTF-8 NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1

policy=/usr/sbin/policy-rc.d
auto_update=/var/lib/man-db/auto-update
tools=$(mktemp -d /var/tmp/install-packages.XXXXXX)
log=$tools/log
aside=.install-packages-aside

# Moves a file away for as long as this runs.
set_aside() {
  if [ -e "$1" ] || [ -L "$1" ]; then mv "$1" "$1$aside"; fi
}

bring_back() {
  if [ -e "$1$aside" ] || [ -L "$1$aside" ]; then mv "$1$aside" "$1"; fi
}

# Puts everything back as it was, and says what dpkg said where it is wanted.
finish() {
  status=$?
  trap - EXIT HUP INT TERM
  if [ -e "$tools/forbidden" ]; then rm -f "$policy"; fi
  bring_back "$policy"
  bring_back "$auto_update"
  if [ "$status" -eq 0 ]; then cat "$log"; else tail -n 60 "$log" >&2; fi
  rm -rf "$tools"
  exit "$status"
}

# A program of this run's own, found before the real one by every maintainer script.
tool() {
  cat > "$1"
  chmod 755 "$1"
}

# Files that a person changed stay as they are; nothing is flushed to the disk one by one, since the whole image is in
# the end.
quiet_dpkg() {
  dpkg --force-unsafe-io --force-confdef --force-confold --skip-same-version "$@" < /dev/null >> "$log" 2>&1 3<&-
}

trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
: > "$log"

# Nothing may start: invoke-rc.d and deb-systemd-invoke ask policy-rc.d (101: action forbidden), the rest finds this
# run's start-stop-daemon, and systemctl is offline.
set_aside "$policy"
: > "$tools/forbidden"
printf '#!/bin/sh\nexit 101\n' | tool "$policy"
mkdir "$tools/bin"
printf '#!/bin/sh\nexit 0\n' | tool "$tools/bin/start-stop-daemon"

# An image has no SSH host keys: they are made on first boot, and making them here takes long.
printf '#!/bin/sh\nexit 0\n' | tool "$tools/bin/ssh-keygen"

# An initramfs takes long to make: what is asked for is noted down, and done once at the end where it is needed.
printf '#!/bin/sh\nprintf "%%s\\n" "$*" >> "%s"\n' "$tools/initramfs" | tool "$tools/bin/update-initramfs"
PATH=$tools/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# man-db indexes its pages only while this file is there; its timer catches up later.
set_aside "$auto_update"

# Of these packages, those that aren't configured yet: dpkg refuses to configure one twice.
# The ${…} are dpkg-query's.
# shellcheck disable=SC2016
unconfigured() {
  dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "$@" | sed -n '/^installed /!s/^[^ ]* //p'
}

# The names in `steps` are words without blanks or patterns, made by the program that wrote it.
# shellcheck disable=SC2086
while read -r action names <&3; do
  if [ "$action" = configure ]; then names=$(unconfigured $names); fi
  if [ -n "$names" ]; then quiet_dpkg --no-triggers "--$action" $names; fi
done 3< steps
# Configures what is left, then runs each trigger once.
quiet_dpkg --configure --pending

# Only a kernel, a module or a hook changes what belongs in an initramfs; -c sorts before -u.
if [ -s "$tools/initramfs" ] && [ -x /usr/sbin/update-initramfs ] &&
  xargs dpkg -L < installed | grep -qE '^(/boot/vmlinuz-|(/usr)?/lib/modules/|/(etc|usr/share)/initramfs-tools/)'; then
  sort -u "$tools/initramfs" | while read -r request; do
    # shellcheck disable=SC2086
    /usr/sbin/update-initramfs $request < /dev/null >> "$log" 2>&1
  done
fi

mkdir -p /var/lib/apt
cp extended_states /var/lib/apt/extended_states.new
mv /var/lib/apt/extended_states.new /var/lib/apt/extended_states

# The ${…} are dpkg-query's.
# shellcheck disable=SC2016
complaints=$(
  xargs dpkg-query -W -f '${Package}: ${Status}\n' < wanted 2>&1 | grep -v ': install ok installed$' || true
  dpkg --audit
)
if [ -n "$complaints" ]; then
  printf '%s\n' "$complaints" >> "$log"
  exit 1
fi
