#!/bin/sh
# guest.sh REPOSITORY FOLDER: turns the namespaces that it runs in into a cloudpipe without a kernel of its own, and
# stays. The root is an overlay over this machine's, with the files of overlays/ laid into it and the set-up script
# run, so that every script runs unchanged and at its own path. The file /ready-NAME, after FOLDER's name, says that it is done.
set -eu
repository=$1 folder=$2
root=$folder/root

mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
for path in run tmp dev; do mount -t tmpfs tmpfs "$root/$path"; done
# What a test writes to these can be read again.
: >"$root/dev/console"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
mkdir "$root/dev/net" "$root/tmp/written"
mknod -m 666 "$root/dev/net/tun" c 10 200
ln -s /proc/self/fd "$root/dev/fd"
# What this guest wrote, of all the files that it sees.
mount -o bind,ro "$folder/upper" "$root/tmp/written"
# As when systemd runs.
mkdir -p "$root/run/systemd/system"

# The awk of a fresh Debian or Ubuntu, not whichever is installed here.
ln -sf /usr/bin/mawk "$root/etc/alternatives/awk"

overlay=$repository/overlays/cloudpipe
rm -rf "$root/etc/openvpn" "$root/etc/cloudpipe" "$root/etc/rc.local"
sed -n 's,^  \(/[^:]*\): { mode: "\([0-7]*\)".*,\1 \2,p' "$overlay.yaml" | while read -r path mode; do
	if [ -f "$overlay$path" ]; then
		install -D -m "$mode" "$overlay$path" "$root$path"
	else
		install -d -m "$mode" "$root$path"
	fi
done
install -m 0755 "$repository/overlays/cloudpipe.d/setup.sh" "$root/tmp/setup.sh"
chroot "$root" /tmp/setup.sh

install -m 0755 "$repository/Tests/GuestScriptTests/Fixture/systemctl.sh" "$root/usr/local/sbin/systemctl"
cp "$repository/Sources/Payload/Resources/autorun.sh" "$root/tmp/autorun.sh"
cp -r "$repository/Tests/GuestScriptTests/Fixture" "$root/tmp/fixture"
ip link set lo up

# A shell as the first process buries the daemons that end.
exec chroot "$root" sh -c ": >/ready-${folder##*/}; sleep 1800 & wait"
