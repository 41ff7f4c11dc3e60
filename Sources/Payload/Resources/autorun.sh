#!/bin/sh
# Configures this machine as the cloudpipe that the payload describes, and starts its VPN. Runs as root at each boot
# in the folder of the unpacked payload, whose keys are gone afterwards. Exits 0 only when OpenVPN is up. A second
# run changes nothing and disconnects nobody. Whatever is wrong with the payload is found before anything is changed.
set -eu
export LC_ALL=C
lib=/usr/local/lib/cloudpipe server=/etc/openvpn/server unit=openvpn-server@server
metadata='169.254.0.0/16' metadata6='fe80::a9fe:a9fe, fd00:ec2::254'

trap 'rm -f server.key tls-crypt-v2.key server.conf firewall' EXIT
umask 077

die() {
	echo "$*" >&2
	exit 1
}

# --- settings: KEY=VALUE lines, read one by one and never run

setting() { sed -n "s/^$1=//p" settings; }

[ -f settings ] || die "the payload has no settings"
! grep -Evq '^[A-Z][A-Z0-9_]*=[A-Za-z0-9 ._:/,@+-]*$' settings || die "settings: a line that is not KEY=VALUE"
twice=$(cut -d= -f1 settings | sort | uniq -d | head -n 1)
[ -z "$twice" ] || die "settings: $twice twice"
for file in ca.crt server.crt server.key crl.pem tls-crypt-v2.key; do
	[ -s "$file" ] || die "the payload has no $file"
done

octet='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
is_ipv4() { printf '%s\n' "$1" | grep -Eqx "($octet\.){3}$octet"; }
is_cidr4() { is_ipv4 "${1%/*}" && printf '%s\n' "${1#*/}" | grep -Eqx '[12]?[0-9]|3[0-2]'; }
is_ipv6() { printf '%s\n' "$1" | grep -Eqx '[0-9A-Fa-f:]*:[0-9A-Fa-f:]*'; }
is_cidr6() { is_ipv6 "${1%/*}" && printf '%s\n' "${1#*/}" | grep -Eqx '[1-9]?[0-9]|1[01][0-9]|12[0-8]'; }
is_count() { printf '%s\n' "$1" | grep -Eqx '[1-9][0-9]{0,4}'; }
list() { setting "$1" | tr , '\n' | tr -d ' ' | sed '/^$/d'; }

# IPv4 addresses as numbers, to count with.
number() {
	IFS=. read -r a b c d <<-EOF
		$1
	EOF
	echo $((a << 24 | b << 16 | c << 8 | d))
}
ipv4() { echo "$(($1 >> 24 & 255)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255))"; }
mask() { echo $((0xffffffff << (32 - $1) & 0xffffffff)); }
network() { echo "$(ipv4 $(($(number "${1%/*}") & $(mask "${1#*/}")))) $(ipv4 "$(mask "${1#*/}")")"; }

mode=$(setting MODE)
port=$(setting PORT) port=${port:-1194}
most_clients=$(setting MAX_CLIENTS) most_clients=${most_clients:-5}
{ is_count "$port" && [ "$port" -le 65535 ]; } || die "settings: PORT=$port"
is_count "$most_clients" || die "settings: MAX_CLIENTS=$most_clients"

# --- this machine's own network

here=$(ip -4 -o address show dev br0 scope global | awk 'NR == 1 { print $4 }')
[ -n "$here" ] || die "br0 has no address: no DHCP server answered"
gateway=$(ip -4 route show default dev br0 | awk '{ for (i = 1; i < NF; i++) if ($i == "via") { print $(i + 1); exit } }')
mtu=$(ip -o link show br0 | sed 's/.* mtu \([0-9]*\) .*/\1/')

# --- server.conf

push_dns() {
	for address in $(list DNS); do
		is_ipv4 "$address" || is_ipv6 "$address" || die "settings: DNS=$address"
		echo "push \"dhcp-option DNS $address\""
	done
	domain=$(setting DNS_DOMAIN)
	case $domain in
	'') ;;
	*[!A-Za-z0-9.-]*) die "settings: DNS_DOMAIN=$domain" ;;
	*) echo "push \"dhcp-option DOMAIN $domain\"" ;;
	esac
}

push_routes() { # [GATEWAY]
	for route in $routes; do
		if is_cidr4 "$route"; then
			echo "push \"route $(network "$route")${1:+ $1}\""
		elif ! is_cidr6 "$route"; then
			die "settings: ROUTES=$route"
		elif [ "$mode" = routed ] && [ -n "$pool6" ]; then
			echo "push \"route-ipv6 $route\""
		else
			echo "no way for clients to $route: it takes routed mode with POOL6" >&2
		fi
	done
}

# Clients get at most MAX_CLIENTS addresses at the top of the subnet, above the cloudpipe's own.
bridged() {
	vpn_ip=$(setting VPN_IP) netmask=$(setting DHCP_SUBNET)
	vpn_ip=${vpn_ip:-${here%/*}} netmask=${netmask:-$(ipv4 "$(mask "${here#*/}")")}
	is_ipv4 "$vpn_ip" || die "settings: VPN_IP=$vpn_ip"
	is_ipv4 "$netmask" || die "settings: DHCP_SUBNET=$netmask"
	hosts=$((~$(number "$netmask") & 0xffffffff))
	[ $((hosts & (hosts + 1))) -eq 0 ] || die "settings: DHCP_SUBNET=$netmask is no netmask"
	first=$(($(number "$vpn_ip") & ~hosts)) last=$(($(number "$vpn_ip") | hosts))

	upper=$(setting DHCP_UPPER) upper=${upper:-$(ipv4 $((last - 1)))}
	is_ipv4 "$upper" || die "settings: DHCP_UPPER=$upper"
	lower=$(setting DHCP_LOWER)
	if [ -z "$lower" ]; then
		lower=$(($(number "$upper") - most_clients + 1))
		[ "$lower" -gt "$(number "$vpn_ip")" ] || lower=$(($(number "$vpn_ip") + 1))
		lower=$(ipv4 "$lower")
	fi
	is_ipv4 "$lower" || die "settings: DHCP_LOWER=$lower"
	low=$(number "$lower") high=$(number "$upper") own=$(number "$vpn_ip")
	{ [ "$first" -lt "$low" ] && [ "$low" -le "$high" ] && [ "$high" -lt "$last" ]; } ||
		die "no room for clients: $lower to $upper in the subnet of $vpn_ip, $netmask"
	[ "$own" -lt "$low" ] || [ "$own" -gt "$high" ] || die "VPN_IP $vpn_ip is one of the clients' addresses"

	# A client that reconnects is counted twice until its old session times out; the addresses are the real limit.
	most_clients=$((2 * (high - low + 1)))

	routes=$(list ROUTES) pool6=
	[ -z "$routes" ] || [ -n "$gateway" ] || die "settings: ROUTES, but this network has no gateway"
	sed -e '/^#/d' -e "s/VPN_IP/$vpn_ip/g" -e "s/DHCP_SUBNET/$netmask/g" -e "s/DHCP_LOWER/$lower/g" \
		-e "s/DHCP_UPPER/$upper/g" /etc/openvpn/server.conf.template
	# A frame that is too long for the bridge would be dropped without a word.
	[ "$mtu" = 1500 ] || printf '%s\n' "tun-mtu $mtu" "push \"tun-mtu $mtu\""
	push_routes "$gateway"
}

routed() {
	pool=$(setting POOL) pool6=$(setting POOL6)
	{ is_cidr4 "$pool" && [ "${pool#*/}" -ge 16 ] && [ "${pool#*/}" -le 29 ]; } || die "settings: POOL=$pool"
	[ -z "$pool6" ] || { is_cidr6 "$pool6" && [ "${pool6#*/}" -ge 64 ] && [ "${pool6#*/}" -le 124 ]; } || die "settings: POOL6=$pool6"
	routes=$(list ROUTES)
	routes=${routes:-$(network "$here" | cut -d' ' -f1)/${here#*/}}
	# shellcheck disable=SC2046 # two words
	set -- $(network "$pool")
	sed -e '/^#/d' -e "s/POOL_NETWORK/$1/g" -e "s/POOL_NETMASK/$2/g" /etc/openvpn/server.conf.routed.template
	[ -z "$pool6" ] || echo "server-ipv6 $pool6"
	push_routes
}

fingerprint=$(openssl x509 -in ca.crt -noout -fingerprint -sha256 | sed 's/.*=//' | tr A-F a-f)
[ -n "$fingerprint" ] || die "ca.crt holds no certificate"
case $mode in
bridged) bridged >server.conf ;;
routed) routed >server.conf ;;
*) die "settings: MODE=$mode is neither bridged nor routed" ;;
esac
{
	echo "port $port"
	echo "max-clients $most_clients"
	echo "tls-verify \"$lib/tls-verify $fingerprint\""
	push_dns
} >>server.conf

# --- firewall. Who is in the tunnel must never reach the metadata service: it would take the request for the
# cloudpipe's own, and answer with the payload and its keys.

cat >firewall <<EOF
table inet cloudpipe
delete table inet cloudpipe
table bridge cloudpipe
delete table bridge cloudpipe

table inet cloudpipe {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		iifname "lo" accept
		# icmp and ipv6-icmp, whose names are in a file that a minimal system hasn't got.
		meta l4proto { 1, 58 } accept
		udp dport $port accept
		iifname "tun0" tcp dport 22 accept
		iifname "br0" ip saddr $(network "$here" | cut -d' ' -f1)/${here#*/} tcp dport 22 accept
		iifname "br0" ip6 saddr fe80::/10 tcp dport 22 accept
	}
	chain forward {
		type filter hook forward priority 0; policy drop;
		ip daddr $metadata drop
		ip6 daddr { $metadata6 } drop
		ct state established,related accept
		iifname "tun0" oifname "br0" accept
		# Bridged frames, on a kernel whose bridge asks the IP firewall too (br_netfilter).
		iifname "br0" oifname "br0" accept
	}
EOF
if [ "$mode" = routed ]; then
	cat >>firewall <<EOF
	chain postrouting {
		type nat hook postrouting priority 100;
		oifname "br0" ip saddr $pool masquerade
		${pool6:+oifname "br0" ip6 saddr $pool6 masquerade}
	}
}
EOF
else
	# Nor may a bridged client pass itself off as the gateway, the metadata service or the cloudpipe, or hand out
	# addresses and routes: it could cut the cloudpipe off from its revocations.
	cat >>firewall <<EOF
}
table bridge cloudpipe {
	chain from_tunnel {
		ether type != { arp, ip, ip6 } drop
		arp saddr ip { ${gateway:+$gateway, }${here%/*}, $metadata } drop
		arp daddr ip $metadata drop
		ip saddr $metadata drop
		ip daddr $metadata drop
		ip6 saddr { $metadata6 } drop
		ip6 daddr { $metadata6 } drop
		udp sport { 67, 547 } drop
		icmpv6 type nd-router-advert drop
	}
	chain prerouting {
		type filter hook prerouting priority 0;
		iifname "tap0" jump from_tunnel
	}
}
EOF
fi
nft --check --file firewall || die "nft refuses the firewall"

# --- from here on things change

changed=
put() { # FILE FOLDER MODE
	! cmp -s "$1" "$2/$1" || return 0
	install -d -m 0755 "$2"
	install -m "$3" "$1" "$2/.$1.new"
	mv "$2/.$1.new" "$2/$1"
	changed=yes
}

nft --file firewall
install -d -m 0755 /run/cloudpipe
install -d -m 0710 /run/openvpn-server
install -d -m 0700 -o cloudpipe-vpn -g cloudpipe-vpn /run/cloudpipe/sessions
put settings /etc/cloudpipe 0644
put ca.crt "$server" 0644
put server.crt "$server" 0644
put server.key "$server" 0600
put tls-crypt-v2.key "$server" 0600
put server.conf "$server" 0600

# The payload's CRL may be older than the installed one, and a restarted machine's both than the one at CRL_URL.
crl_is_good() { "$lib/check-crl" "$server/crl.pem" "$server/ca.crt" /nonexistent 2>&1; }
/usr/local/sbin/cloudpipe-refresh-crl "$PWD/crl.pem" || /usr/local/sbin/cloudpipe-refresh-crl || :
crl_is_good >/dev/null || die "no CRL that can be used: $(crl_is_good)"

if [ "$mode" = routed ]; then
	# Forwarding switches router advertisements off, unless told otherwise.
	echo 2 >/proc/sys/net/ipv6/conf/br0/accept_ra || :
	echo 1 >/proc/sys/net/ipv4/ip_forward
	if [ -n "$pool6" ]; then echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; fi
else
	# Persistent and bridged beforehand: OpenVPN, which has dropped root by then, can't do it and needn't.
	ip link show tap0 >/dev/null 2>&1 || ip tuntap add dev tap0 mode tap
	ip link set dev tap0 mtu "$mtu"
	"$lib/bridge" add tap0
fi

if [ -n "$changed" ] || ! systemctl is-active --quiet "$unit"; then systemctl restart "$unit" || :; fi
for _ in 1 2 3 4 5 6 7 8 9 10; do
	if systemctl is-active --quiet "$unit" && [ -n "$(ss -Hlun "sport = :$port")" ]; then
		echo "OpenVPN is up: $mode, port $port/udp"
		exit 0
	fi
	sleep 1
done
die "OpenVPN did not start; see: journalctl -u $unit"
