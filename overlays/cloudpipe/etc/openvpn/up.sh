#!/bin/busybox sh
# OpenVPN runs this as root when its device is open: up.sh DEVICE …
# Whatever is already so is left as it is: autorun.sh makes tap0 persistent and bridges it beforehand.
set -eu
device=$1

# Whoever was connected before a crash is not any more.
rm -f /run/cloudpipe/sessions/*

case $device in
tap*) [ -e "/sys/class/net/br0/brif/$device" ] || sh /usr/local/lib/cloudpipe/bridge add "$device" ;;
esac
