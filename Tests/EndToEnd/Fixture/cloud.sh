#!/bin/sh
# cloud.sh FOLDER MAC USERS: the least of a cloud, in a network namespace that the caller made: a project's network with
# a DHCP server, a machine in it, and a metadata service that hands out what lies in FOLDER/metadata. The instance's
# VPN is at 203.0.113.1 port 11194 for whoever is in the namespace USERS. Writes FOLDER/ready when all of it answers.
set -eu
trap exit TERM
folder=$1 mac=$2 users=$3

ip link set lo up
ip link add net0 type bridge
ip address add 10.66.0.1/24 dev net0
ip address add 169.254.169.254/32 dev net0
ip tuntap add dev tap0 mode tap
ip link set tap0 master net0
ip link set tap0 up
ip link set net0 up

ip link add public type veth peer name eth0 netns "$users"
ip address add 203.0.113.1/24 dev public
ip link set public up
ip -n "$users" address add 203.0.113.2/24 dev eth0
ip -n "$users" link set eth0 up
echo 1 > /proc/sys/net/ipv4/ip_forward
nft -f - << 'EOF'
table ip cloud {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "public" udp dport 11194 dnat to 10.66.0.2:1194
  }
}
EOF

dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=net0 --bind-interfaces --no-ping --log-dhcp \
  --user=root --pid-file= --dhcp-leasefile="$folder/leases" --dhcp-range=10.66.0.0,static,255.255.255.0,1h \
  --dhcp-host="$mac,10.66.0.2" --dhcp-option=option:router,10.66.0.1 \
  --dhcp-option=option:classless-static-route,0.0.0.0/0,10.66.0.1,169.254.169.254/32,10.66.0.1 \
  > "$folder/dnsmasq.log" 2>&1 &
python3 -m http.server --bind 169.254.169.254 --directory "$folder/metadata" 80 > "$folder/metadata.log" 2>&1 &
python3 -m http.server --bind 10.66.0.1 --directory "$folder/neighbour" 80 > "$folder/neighbour.log" 2>&1 &

tries=0
while [ "$(ss -Hltn 'sport = :80' | wc -l)" != 2 ] || [ -z "$(ss -Hlun 'sport = :67')" ]; do
  tries=$((tries + 1))
  if [ "$tries" = 100 ]; then
    cat "$folder"/*.log >&2
    exit 1
  fi
  sleep 0.2
done
: > "$folder/ready"
wait
