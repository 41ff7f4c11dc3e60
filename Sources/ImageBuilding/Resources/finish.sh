#!/bin/sh
# Makes an image out of an installed system: what has to differ between instances, or tells of the build, goes.
# Runs in the guest, with nothing started. $OMIT holds the words docs, man, locales; $EPOCH is the latest time that a
# file may carry, in seconds since 1970.
set -euf

# Instances make their own.
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
[ ! -d /var/lib/dbus ] || ln -s /etc/machine-id /var/lib/dbus/machine-id
set +f
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
rm -rf /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/urandom/random-seed /loader/random-seed
rm -rf /var/lib/dhcp/* /var/lib/dhclient/* /var/lib/dhcpcd/* /var/lib/NetworkManager/* /var/lib/cloud
rm -f /etc/hostname.orig /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys /root/.bash_history /root/.wget-hsts

# What the build left behind.
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/cache/man
rm -rf /var/lib/dpkg/*-old /var/lib/dpkg/lock* /var/lib/apt/periodic /var/backups/* /tmp/* /var/tmp/* /run/*
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- /etc/.pwd.lock
mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial
find /var/log -depth ! -type d -delete
set -f

for part in $OMIT; do
  case $part in
    # Copyright files are part of the licence under which packages may be passed on.
    docs)
      find /usr/share/doc -depth ! -type d ! -name copyright -delete 2> /dev/null || :
      find /usr/share/doc -depth -type d -empty -delete 2> /dev/null || :
      rm -rf /usr/share/info /usr/share/lintian /usr/share/doc-base
      ;;
    man) rm -rf /usr/share/man ;;
    locales)
      # What programs say in English is in the programs.
      find /usr/share/locale -mindepth 1 -depth ! -name locale.alias -delete 2> /dev/null || :
      ;;
  esac
done

# One clock for all that the build made.
find / -xdev -newermt "@$EPOCH" -exec touch --no-dereference --date="@$EPOCH" {} +
