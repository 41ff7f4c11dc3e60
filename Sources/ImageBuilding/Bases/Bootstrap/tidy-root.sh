#!/bin/sh
# Makes a bootstrapped root the same for the same packages, whoever bootstraps it, wherever and whenever.
# tidy-root.sh ROOT EPOCH SOURCES ID: EPOCH is the latest time that a file may carry, SOURCES a file with the apt sources
# of the new system, ID the distribution's.
set -eu
root=$1 epoch=$2 sources=$3 id=$4
cd "$root"

# mmdebstrap's own source and settings.
rm -rf etc/apt/sources.list etc/apt/sources.list.d etc/apt/apt.conf.d/*mmdebstrap* etc/dpkg/dpkg.cfg.d/*mmdebstrap*
mkdir etc/apt/sources.list.d
cat "$sources" > "etc/apt/sources.list.d/$id.sources"
chmod 0644 "etc/apt/sources.list.d/$id.sources"

# The host's, or made anew by each instance.
rm -f etc/resolv.conf etc/hostname var/lib/dbus/machine-id var/lib/systemd/random-seed
: > etc/machine-id

# There is one kernel; these are for the one before.
rm -f vmlinuz.old initrd.img.old boot/vmlinuz.old boot/initrd.img.old

# Consoles nobody looks at, and checks of LVM snapshots that nobody makes.
for unit in getty-static.service e2scrub_all.timer e2scrub_reap.service; do
  ln -s /dev/null "etc/systemd/system/$unit"
done

# What the bootstrap left behind.
find dev run tmp var/tmp -mindepth 1 -delete
find var/log -type f -delete
rm -rf var/lib/apt/lists var/cache/apt var/cache/ldconfig/aux-cache var/cache/debconf/*-old var/lib/dpkg/*-old
rm -rf var/backups etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid- etc/.pwd.lock root/.wget-hsts
mkdir -p var/lib/apt/lists/partial var/cache/apt/archives/partial var/backups

find . -xdev -newermt "@$epoch" -exec touch --no-dereference --date="@$epoch" {} +
