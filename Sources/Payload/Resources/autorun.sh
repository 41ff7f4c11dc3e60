#!/bin/sh
# Configures this machine as the cloudpipe that the payload describes, and starts its VPN. Runs as root at each boot
# in the folder of the unpacked payload, whose keys are gone afterwards. Exits 0 only when OpenVPN is up. A second
# run changes nothing and disconnects nobody. Whatever is wrong with the payload is found before anything is changed.
# Where the processor is emulated, each process takes a twentieth of a second of the boot: the shell does what it can.
set -eu
set -f
export LC_ALL=C
lib=/usr/local/lib/cloudpipe server=/etc/openvpn/server unit=openvpn-server@server
metadata='169.254.0.0/16' metadata6='fe80::a9fe:a9fe, fd00:ec2::254'

trap 'rm -f server.key tls-crypt-v2.key server.conf' EXIT
umask 077

die() {
	echo "$*" >&2
	exit 1
}

# --- settings: KEY=VALUE lines, read one by one and never run

[ -f settings ] || die "the payload has no settings"
mode='' port='' most_clients='' VPN_IP='' DHCP_SUBNET='' DHCP_LOWER='' DHCP_UPPER='' POOL='' POOL6=''
ROUTES='' DNS='' DNS_DOMAIN='' crl_url='' crl_until='' seen=' '
while IFS= read -r line || [ -n "$line" ]; do
	key=${line%%=*} value=${line#*=}
	case $line in [A-Z]*=*) ;; *) die "settings: a line that is not KEY=VALUE" ;; esac
	case $key in *[!A-Z0-9_]*) die "settings: a line that is not KEY=VALUE" ;; esac
	case $value in *[!A-Za-z0-9\ ._:/,@+-]*) die "settings: a line that is not KEY=VALUE" ;; esac
	case $seen in *" $key "*) die "settings: $key twice" ;; esac
	seen="$seen$key "
	case $key in
	MODE) mode=$value ;;
	PORT) port=$value ;;
	MAX_CLIENTS) most_clients=$value ;;
	VPN_IP) VPN_IP=$value ;;
	DHCP_SUBNET) DHCP_SUBNET=$value ;;
	DHCP_LOWER) DHCP_LOWER=$value ;;
	DHCP_UPPER) DHCP_UPPER=$value ;;
	POOL) POOL=$value ;;
	POOL6) POOL6=$value ;;
	ROUTES) ROUTES=$value ;;
	DNS) DNS=$value ;;
	DNS_DOMAIN) DNS_DOMAIN=$value ;;
	CRL_URL) crl_url=$value ;;
	CRL_UNTIL) crl_until=$value ;;
	esac
done <settings
for file in ca.crt server.crt server.key tls-crypt-v2.key; do
	[ -s "$file" ] || die "the payload has no $file"
done
# A CRL that is too long for a payload is fetched.
[ -s crl.pem ] || [ -n "$crl_url" ] || die "the payload has no crl.pem"

is_count() { # VALUE MOST
	case $1 in '' | 0* | *[!0-9]* | ??????*) return 1 ;; esac
	[ "$1" -le "$2" ]
}
is_number() { [ "$1" = 0 ] || is_count "$1" "$2"; }
is_ipv4() {
	case $1 in *.*.*.*.* | *. | *[!0-9.]*) return 1 ;; *.*.*.*) ;; *) return 1 ;; esac
	rest=$1.
	while [ -n "$rest" ]; do
		is_number "${rest%%.*}" 255 || return 1
		rest=${rest#*.}
	done
}
is_cidr4() { is_ipv4 "${1%/*}" && is_number "${1#*/}" 32; }
is_ipv6() { case $1 in *[!0-9A-Fa-f:]*) return 1 ;; *:*:*) ;; *) return 1 ;; esac }
is_cidr6() { is_ipv6 "${1%/*}" && is_count "${1#*/}" 128; }

# Each leaves its answer in the variable of its own name; `network` in $netmask too.
number() { # of an IPv4 address, to count with
	rest=$1. number=0
	while [ -n "$rest" ]; do number=$((number << 8 | ${rest%%.*})) rest=${rest#*.}; done
}
ipv4() { ipv4=$(($1 >> 24 & 255)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255)); }
network() { # ADDRESS/LENGTH
	number "${1%/*}"
	mask=$((0xffffffff << (32 - ${1#*/}) & 0xffffffff))
	ipv4 "$mask" && netmask=$ipv4
	ipv4 $((number & mask)) && network=$ipv4
}

port=${port:-1194} most_clients=${most_clients:-5}
is_count "$port" 65535 || die "settings: PORT=$port"
is_count "$most_clients" 99999 || die "settings: MAX_CLIENTS=$most_clients"

# --- this machine's own network

here='' gateway=''
# shellcheck disable=SC2046 # words
set -- $(ip -4 -o address show dev br0 scope global && ip -4 route show default dev br0)
while [ $# -gt 1 ]; do
	case $1 in
	inet) here=${here:-$2} ;;
	via) gateway=${gateway:-$2} ;;
	esac
	shift
done
[ -n "$here" ] || die "br0 has no address: no DHCP server answered"
network "$here" && here_network=$network/${here#*/} here_netmask=$netmask
read -r mtu </sys/class/net/br0/mtu

# --- server.conf

push_dns() {
	IFS=', '
	for address in $DNS; do
		is_ipv4 "$address" || is_ipv6 "$address" || die "settings: DNS=$address"
		echo "push \"dhcp-option DNS $address\""
	done
	unset IFS
	case $DNS_DOMAIN in
	'') ;;
	*[!A-Za-z0-9.-]*) die "settings: DNS_DOMAIN=$DNS_DOMAIN" ;;
	*) echo "push \"dhcp-option DOMAIN $DNS_DOMAIN\"" ;;
	esac
}

push_routes() { # ROUTES [GATEWAY]
	IFS=', '
	for route in $1; do
		if is_cidr4 "$route"; then
			network "$route"
			echo "push \"route $network $netmask${2:+ $2}\""
		elif ! is_cidr6 "$route"; then
			die "settings: ROUTES=$route"
		elif [ "$mode" = routed ] && [ -n "$POOL6" ]; then
			echo "push \"route-ipv6 $route\""
		else
			echo "no way for clients to $route: it takes routed mode with POOL6" >&2
		fi
	done
	unset IFS
}

# Clients get at most MAX_CLIENTS addresses at the top of the subnet, above the cloudpipe's own.
bridged() {
	vpn_ip=${VPN_IP:-${here%/*}} subnet=${DHCP_SUBNET:-$here_netmask}
	is_ipv4 "$vpn_ip" || die "settings: VPN_IP=$vpn_ip"
	is_ipv4 "$subnet" || die "settings: DHCP_SUBNET=$subnet"
	number "$subnet" && hosts=$((~number & 0xffffffff))
	[ $((hosts & (hosts + 1))) -eq 0 ] || die "settings: DHCP_SUBNET=$subnet is no netmask"
	number "$vpn_ip" && own=$number
	first=$((own & ~hosts)) last=$((own | hosts))

	high=$((last - 1))
	if [ -n "$DHCP_UPPER" ]; then
		is_ipv4 "$DHCP_UPPER" || die "settings: DHCP_UPPER=$DHCP_UPPER"
		number "$DHCP_UPPER" && high=$number
	fi
	low=$((high - most_clients + 1))
	[ "$low" -gt "$own" ] || low=$((own + 1))
	if [ -n "$DHCP_LOWER" ]; then
		is_ipv4 "$DHCP_LOWER" || die "settings: DHCP_LOWER=$DHCP_LOWER"
		number "$DHCP_LOWER" && low=$number
	fi
	ipv4 "$low" && lower=$ipv4
	ipv4 "$high" && upper=$ipv4
	{ [ "$first" -lt "$low" ] && [ "$low" -le "$high" ] && [ "$high" -lt "$last" ]; } ||
		die "no room for clients: $lower to $upper in the subnet of $vpn_ip, $subnet"
	[ "$own" -lt "$low" ] || [ "$own" -gt "$high" ] || die "VPN_IP $vpn_ip is one of the clients' addresses"
	most_clients=$((high - low + 1))

	[ -z "$ROUTES" ] || [ -n "$gateway" ] || die "settings: ROUTES, but this network has no gateway"
	sed -e '/^#/d' -e "s/VPN_IP/$vpn_ip/g" -e "s/DHCP_SUBNET/$subnet/g" -e "s/DHCP_LOWER/$lower/g" \
		-e "s/DHCP_UPPER/$upper/g" /etc/openvpn/server.conf.template
	# A frame that is too long for the bridge would be dropped without a word.
	[ "$mtu" = 1500 ] || printf '%s\n' "tun-mtu $mtu" "push \"tun-mtu $mtu\""
	push_routes "$ROUTES" "$gateway"
}

routed() {
	{ is_cidr4 "$POOL" && [ "${POOL#*/}" -ge 16 ] && [ "${POOL#*/}" -le 29 ]; } || die "settings: POOL=$POOL"
	[ -z "$POOL6" ] || { is_cidr6 "$POOL6" && [ "${POOL6#*/}" -ge 64 ] && [ "${POOL6#*/}" -le 124 ]; } ||
		die "settings: POOL6=$POOL6"
	network "$POOL"
	sed -e '/^#/d' -e "s/POOL_NETWORK/$network/g" -e "s/POOL_NETMASK/$netmask/g" \
		/etc/openvpn/server.conf.routed.template
	[ -z "$POOL6" ] || echo "server-ipv6 $POOL6"
	push_routes "${ROUTES:-$here_network}"
}

# The SHA-256 fingerprints of the certificates of ca.crt, as OpenVPN writes them: the project's CA, and while it is being
# replaced the other one.
read_fingerprints() {
	body='' inside='' fingerprints=''
	while read -r line; do
		case $line in
		'-----BEGIN CERTIFICATE-----') inside=yes body='' ;;
		'-----END CERTIFICATE-----') inside='' && add_fingerprint ;;
		*) [ -z "$inside" ] || body=$body$line ;;
		esac
	done <ca.crt
	[ -n "$fingerprints" ] || die "ca.crt holds no certificate"
}
add_fingerprint() {
	digest=$(printf '%s\n' "$body" | base64 -d 2>/dev/null | sha256sum)
	digest=${digest%% *} fingerprint=
	while [ -n "$digest" ]; do
		rest=${digest#??}
		fingerprint=${fingerprint:+$fingerprint:}${digest%"$rest"} digest=$rest
	done
	fingerprints="$fingerprints $fingerprint"
}
read_fingerprints

# Whether the processor has instructions for AES. Without them ChaCha20-Poly1305 is faster, ten times so where the processor
# is emulated.
has_aes() {
	while read -r key line; do
		if [ "$key" = flags ]; then
			case " $line " in *' aes '*) return 0 ;; *) return 1 ;; esac
		fi
	done </proc/cpuinfo
}

case $mode in
bridged) bridged >server.conf ;;
routed) routed >server.conf ;;
*) die "settings: MODE=$mode is neither bridged nor routed" ;;
esac
# `session` counts the clients, and tells the one too many. One that reconnects may be counted twice for a moment.
{
	echo "port $port"
	echo "max-clients $((2 * most_clients + 2))"
	echo "setenv MAX_CLIENTS $most_clients"
	echo "tls-verify \"$lib/tls-verify$fingerprints\""
	has_aes || echo 'data-ciphers CHACHA20-POLY1305:AES-256-GCM:AES-128-GCM'
	push_dns
} >>server.conf

# --- firewall. Who is in the tunnel must never reach the metadata service: it would take the request for the
# cloudpipe's own, and answer with the payload and its keys.

translation='' bridge=''
if [ "$mode" = routed ]; then
	translation="chain postrouting {
		type nat hook postrouting priority 100;
		oifname \"br0\" ip saddr $POOL masquerade
		${POOL6:+oifname \"br0\" ip6 saddr $POOL6 masquerade}
	}"
else
	# Nor may a bridged client pass itself off as the gateway, the metadata service or the cloudpipe, or hand out
	# addresses and routes: it could cut the cloudpipe off from its revocations.
	bridge="table bridge cloudpipe {
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
			iifname \"tap0\" jump from_tunnel
		}
	}"
fi

# --- from here on things change, beginning with what nft takes as a whole or not at all

nft --file - <<EOF || die "nft refuses the firewall"
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
		iifname "br0" ip saddr $here_network tcp dport 22 accept
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
	$translation
}
$bridge
EOF

booting() { [ ! -d /run/systemd/system ]; }

changed=
put() { # FOLDER MODE FILE...: installs those that differ
	folder=$1 permissions=$2 new=
	shift 2
	for file in "$@"; do
		[ -e "$folder/$file" ] && cmp -s "$file" "$folder/$file" || new="$new $file"
	done
	[ -n "$new" ] || return 0
	[ -d "$folder" ] || mkdir -m 0755 "$folder"
	# Names without blanks; until then nobody else may read them, by the umask.
	# shellcheck disable=SC2086
	cp $new "$folder"
	# shellcheck disable=SC2086
	(cd "$folder" && chmod "$permissions" $new)
	changed=yes
}

# What a boot without a payload needs besides; no reason to restart the VPN. Before ca.crt, from which on the timer's
# refreshes read the settings.
put /etc/cloudpipe 0644 settings autorun.sh
changed=
[ -d /run/openvpn-server ] || mkdir -m 0710 /run/openvpn-server
if [ ! -d /run/cloudpipe/certificates ]; then
	[ -d /run/cloudpipe ] || mkdir -m 0755 /run/cloudpipe
	mkdir -m 0700 /run/cloudpipe/sessions /run/cloudpipe/certificates
	chown cloudpipe-vpn:cloudpipe-vpn /run/cloudpipe/sessions /run/cloudpipe/certificates
fi
# What is known about the installed CRLs was told by the CAs of before.
[ ! -e "$server/ca.crt" ] || cmp -s ca.crt "$server/ca.crt" || rm -rf /run/cloudpipe/crls
put "$server" 0644 ca.crt server.crt
put "$server" 0600 server.key tls-crypt-v2.key server.conf

# The first CRL that this machine ever has is compared with none, and comes from where its CA does: while it lasts, there is
# nothing to be found out by openssl. The refreshes look at it when the VPN is up.
first_crl() {
	case $crl_until in '' | *[!0-9]*) return 1 ;; esac
	[ -s crl.pem ] && [ ! -e "$server/crl.pem" ] && [ "$(date +%s)" -lt "$crl_until" ] && put "$server" 0644 crl.pem
}
# The payload's CRL may be older than the installed one, and a restarted machine's both than the one at CRL_URL.
refresh=/usr/local/sbin/cloudpipe-refresh-crl
if ! first_crl; then
	# What is fetched from elsewhere is read by programs with their memory at random addresses (cloudpipe-init).
	! booting || echo 2 >/proc/sys/kernel/randomize_va_space
	if ! { [ -s crl.pem ] && $refresh "$PWD/crl.pem" >/dev/null; } && ! $refresh >/dev/null; then
		why=$(sh "$lib/check-crl" "$server/crl.pem" "$server/ca.crt" '' "$PWD/checked" 2>&1) || :
		case $why in *'new '*) ;; *) die "no CRL that can be used: $why" ;; esac
	fi
fi

if [ "$mode" = routed ]; then
	# Forwarding switches router advertisements off, unless told otherwise.
	echo 2 >/proc/sys/net/ipv6/conf/br0/accept_ra || :
	echo 1 >/proc/sys/net/ipv4/ip_forward
	if [ -n "$POOL6" ]; then echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; fi
else
	# Persistent and bridged beforehand: OpenVPN, which has dropped root by then, can't do it and needn't.
	MTU=$mtu sh "$lib/bridge" add tap0
fi

# --- OpenVPN: by its unit, or by itself while there is no systemd yet

listens() {
	hex=$(printf ':%04X' "$port")
	for table in /proc/net/udp /proc/net/udp6; do
		[ -e "$table" ] || continue
		while read -r _ address _; do
			case $address in *"$hex") return 0 ;; esac
		done <"$table"
	done
	return 1
}
is_active() { booting || systemctl is-active --quiet "$unit"; }

if booting; then
	sh "$lib/start-openvpn" early
elif [ -n "$changed" ] || ! is_active; then
	systemctl restart "$unit" || :
fi
tries=100
until is_active && listens; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || die "OpenVPN did not start; see: journalctl -u $unit"
	sleep 0.1
done
echo "OpenVPN is up: $mode, port $port/udp"
