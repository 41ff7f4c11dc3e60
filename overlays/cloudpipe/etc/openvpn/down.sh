#!/bin/busybox sh
# OpenVPN runs this after its device is closed: down.sh DEVICE …
# Root has been dropped by then and the device may be gone, so nothing here is allowed to fail: a script that exits
# non-zero leaves the unit `failed`. A persistent tap0 may stay in the bridge; without OpenVPN it carries nothing.
set -eu
device=$1

rm -f /run/cloudpipe/sessions/* || :
case $device in
tap*) /sbin/ip link set dev "$device" nomaster 2>/dev/null || : ;;
esac
