#!/bin/sh
# Stands in for systemd, which can't run in a namespace: records what it is asked, and runs the command line of
# openvpn-server@server with no more capabilities than the unit has.
set -eu
echo "$*" >>/tmp/systemctl.log
unit=/usr/lib/systemd/system/openvpn-server@.service
changes=/etc/systemd/system/openvpn-server@server.service.d/cloudpipe.conf
pid=/tmp/openvpn.pid log=/tmp/openvpn.log

# The last one counts.
field() { cat "$unit" "$changes" | sed -n "s/^$1=//p" | tail -n 1 | sed 's,%t,/run,g; s,%i,server,g'; }
# A process that has ended stays a zombie where nobody waits for it.
active() { [ -f "$pid" ] && grep -q '^State:.[^Z]' "/proc/$(cat "$pid")/status" 2>/dev/null; }

stop() {
	active || return 0
	kill "$(cat "$pid")"
	while active; do sleep 0.1; done
}

start() {
	cd "$(field WorkingDirectory)"
	capabilities=$(field CapabilityBoundingSet | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
	# shellcheck disable=SC2046 # a command line
	setpriv --bounding-set "-all,$capabilities" $(field ExecStart) </dev/null >>"$log" 2>&1 &
	echo $! >"$pid"
	# Type=notify: not active before the server says so.
	for _ in $(seq 100); do
		active || return 1
		! grep -q 'Initialization Sequence Completed' "$log" || return 0
		sleep 0.1
	done
	return 1
}

case $*  in
"is-active --quiet openvpn-server@server") active ;;
"restart openvpn-server@server")
	stop
	: >"$log"
	start
	;;
"stop openvpn-server@server") stop ;;
*)
	echo "systemctl: not expected: $*" >&2
	exit 1
	;;
esac
