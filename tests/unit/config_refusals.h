/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is refused, and how each refusal reads, to the letter: a file named f and its one line. */
#pragma once

#define INTERFACE "interfaces: [{name: eth0}]\n"
#define SERVICE "services:\n  - name: web\n    match: [tcp/80]\n"
/* clang-format off */
#define TIERS \
	INTERFACE "tiers: [{name: a}, {name: b, prefixes: [192.0.2.0/24]}, {name: u, unlimited: true}]\n"
/* clang-format on */
#define UPSTREAM(text) INTERFACE "upstreams:\n  - {name: api, endpoints: [" text "]}\n"
#define CALLED(text) INTERFACE "upstreams:\n  - name: api\n    endpoints: [a:1]\n    " text "\n"
#define ENDPOINT \
	"; expected HOST:PORT such as 10.1.2.3:8443, [2001:db8::1]:53 or api.example.org:443"
#define BREAKER(text) CALLED("breaker: {" text "}")
#define PROBE(text) CALLED("probe: {" text "}")
#define LIMIT(text) INTERFACE SERVICE "    limits:\n      default: [" text "]\n"

static const struct refusal {
	const char *name;
	const char *text;
	const char *message;
} refusals[] = {
	{"nothing at all", "", "f:1: the configuration is empty; expected at least `interfaces`"},
	{"only a comment", "# nothing\n",
	 "f:1: the configuration is empty; expected at least `interfaces`"},
	{"only null", "~\n", "f:1: the configuration is empty; expected at least `interfaces`"},
	{"an empty mapping", "{}\n",
	 "f:1: interfaces: is missing; expected a list such as [{name: eth0}]"},
	{"a list", "- a\n",
	 "f:1: configuration: is a list; expected a mapping with at least `interfaces`"},
	{"a word", "hello\n",
	 "f:1: configuration: is a single value"
	 "; expected a mapping with at least `interfaces`"},
	{"second document", INTERFACE "---\ninterfaces: [{name: eth0}]\n",
	 "f:2: a second YAML document; expected one"},
	{"empty second document", INTERFACE "---\n", "f:2: a second YAML document; expected one"},
	{"tab for indentation", "interfaces:\n\t- name: eth0\n",
	 "f:2: invalid YAML: found character that cannot start any token"
	 "; expected blanks to indent with, this is a tab"},
	{"unclosed list", "interfaces: [{name: eth0}\nlog: {}\n",
	 "f:2: invalid YAML: did not find expected ',' or ']' while parsing a flow sequence"
	 " from line 1"
	 "; expected YAML"},
	{"bad indentation",
	 "interfaces:\n"
	 " - name: a\n"
	 "  attach: tc\n",
	 "f:3: invalid YAML: did not find expected '-' indicator while parsing a block"
	 " collection from line 2"
	 "; expected YAML"},
	{"unclosed quote", INTERFACE "node: \"abc\n",
	 "f:3: invalid YAML: found unexpected end of stream while scanning a quoted scalar"
	 " from line 2"
	 "; expected YAML"},
	{"tag directive", "%YAML 1.1\n%TAG ! tag:a,2000:\n---\n" INTERFACE,
	 "f:2: a YAML directive, %TAG; expected none"},
	{"anchor", INTERFACE "deny: &x [10.0.0.0/8]\n",
	 "f:2: deny: has a YAML anchor; expected the value itself wherever it is needed"},
	{"alias", INTERFACE "deny: &x []\nallow: *x\n",
	 "f:2: deny: has a YAML anchor; expected the value itself wherever it is needed"},
	{"undefined alias", INTERFACE "allow: *x\n",
	 "f:2: allow: is a YAML alias; expected the value itself"},
	{"anchor on a key", INTERFACE "&k deny: []\n",
	 "f:2: [1]: has a YAML anchor; expected the value itself wherever it is needed"},
	{"tag", INTERFACE "deny: !!seq []\n", "f:2: deny: has a YAML tag; expected a plain value"},
	{"tag on text", INTERFACE "node: !!str x\n",
	 "f:2: node: has a YAML tag; expected a plain value"},
	{"merge key", INTERFACE "<<: {node: x}\n",
	 "f:2: <<: unknown field"
	 "; expected one of interfaces, table, tiers, cluster, services, upstreams, latency,"
	 " deny, allow, protected_ports, http, node, pins, on_exit, log"},
	{"mapping as key", INTERFACE "? {a: b}\n: c\n",
	 "f:2: a list or mapping where a name belongs; expected NAME: VALUE"},
	{"list as key", INTERFACE "? [a]\n: c\n",
	 "f:2: a list or mapping where a name belongs; expected NAME: VALUE"},
	{"NUL escape", INTERFACE "node: \"a\\0b\"\n",
	 "f:2: a NUL character inside a value; expected text"},
	{"unknown field", INTERFACE "colour: red\n",
	 "f:2: colour: unknown field"
	 "; expected one of interfaces, table, tiers, cluster, services, upstreams, latency,"
	 " deny, allow, protected_ports, http, node, pins, on_exit, log"},
	{"unknown field inside",
	 "interfaces:\n"
	 "  - name: eth0\n"
	 "    mtu: 1500\n",
	 "f:3: interfaces[0].mtu: unknown field; expected one of name, attach"},
	{"unknown field in service", INTERFACE SERVICE "    ports: [80]\n",
	 "f:5: services[0].ports: unknown field"
	 "; expected one of name, match, destinations, mode, on_limit, client_prefix,"
	 " parent_prefix, new_clients, limits, group_limits, latency"},
	{"field twice",
	 INTERFACE "node: a\n"
		   "log: {}\n"
		   "node: b\n",
	 "f:4: node: is there twice, first on line 2; expected it once"},
	{"field twice inside", INTERFACE SERVICE "    mode: observe\n    mode: enforce\n",
	 "f:6: services[0].mode: is there twice, first on line 5; expected it once"},
	{"no interfaces", "node: a\n",
	 "f:1: interfaces: is missing; expected a list such as [{name: eth0}]"},
	{"interfaces without value", "interfaces:\n",
	 "f:1: interfaces: has no value; expected a list such as [{name: eth0}]"},
	{"interfaces empty", "interfaces: []\n",
	 "f:1: interfaces: is empty; expected at least one interface"},
	{"interfaces a word", "interfaces: eth0\n",
	 "f:1: interfaces: is a single value; expected a list such as [{name: eth0}]"},
	{"interfaces of words", "interfaces: [eth0]\n",
	 "f:1: interfaces[0]: is a single value; expected a mapping such as {name: eth0}"},
	{"interface without name", "interfaces: [{attach: tc}]\n",
	 "f:1: interfaces[0].name: is missing"
	 "; expected 1 to 15 printable characters without / and :"},
	{"interface name long", "interfaces: [{name: abcdefghijklmnop}]\n",
	 "f:1: interfaces[0].name: \"abcdefghijklmnop\" is not an interface name"
	 "; expected 1 to 15 printable characters without / and :"},
	{"interface name slash", "interfaces: [{name: a/b}]\n",
	 "f:1: interfaces[0].name: \"a/b\" is not an interface name"
	 "; expected 1 to 15 printable characters without / and :"},
	{"interface name dots", "interfaces: [{name: ..}]\n",
	 "f:1: interfaces[0].name: \"..\" is not an interface name"
	 "; expected 1 to 15 printable characters without / and :"},
	{"interface name empty", "interfaces: [{name: ''}]\n",
	 "f:1: interfaces[0].name: \"\" is not an interface name"
	 "; expected 1 to 15 printable characters without / and :"},
	{"interface name a list", "interfaces: [{name: [a]}]\n",
	 "f:1: interfaces[0].name: is a list"
	 "; expected 1 to 15 printable characters without / and :"},
	{"interface twice",
	 "interfaces:\n"
	 "  - {name: eth0}\n"
	 "  - {name: lo}\n"
	 "  - {name: eth0}\n",
	 "f:4: interfaces[2].name: \"eth0\" is there twice, first on line 2"
	 "; expected another name"},
	{"attach unknown", "interfaces: [{name: eth0, attach: fast}]\n",
	 "f:1: interfaces[0].attach: \"fast\" is not known here"
	 "; expected auto, native, generic or tc"},
	{"tiers empty", INTERFACE "tiers: []\n",
	 "f:2: tiers: is empty; expected at least one tier, or no `tiers`"},
	{"tier without name", INTERFACE "tiers: [{}]\n",
	 "f:2: tiers[0].name: is missing"
	 "; expected 1 to 31 letters, digits, dots, dashes and underscores"},
	{"tier a word", INTERFACE "tiers: [a]\n",
	 "f:2: tiers[0]: is a single value"
	 "; expected a mapping such as {name: partner, prefixes: [...]}"},
	{"tier twice",
	 INTERFACE "tiers:\n"
		   "  - {name: a}\n"
		   "  - {name: a}\n",
	 "f:4: tiers[1].name: \"a\" is there twice, first on line 3"
	 "; expected another name"},
	{"tier name blank", INTERFACE "tiers: [{name: a b}]\n",
	 "f:2: tiers[0].name: \"a b\" is not a valid name"
	 "; expected 1 to 31 letters, digits, dots, dashes and underscores"},
	{"tier name long", INTERFACE "tiers: [{name: abcdefghijklmnopqrstuvwxyzabcdef}]\n",
	 "f:2: tiers[0].name: \"abcdefghijklmnopqrstuvwxyzabcdef\" is not a valid name"
	 "; expected 1 to 31 letters, digits, dots, dashes and underscores"},
	{"default tier with prefixes", INTERFACE "tiers: [{name: a, prefixes: [10.0.0.0/8]}]\n",
	 "f:2: tiers[0].prefixes: the first tier is the default one, for whoever is in no"
	 " other"
	 "; expected no prefixes (or another tier listed before it)"},
	{"unlimited maybe", INTERFACE "tiers: [{name: a, unlimited: yes}]\n",
	 "f:2: tiers[0].unlimited: \"yes\" is neither; expected true or false"},
	{"prefix in two tiers",
	 INTERFACE "tiers:\n"
		   "  - name: a\n"
		   "  - name: b\n"
		   "    prefixes:\n"
		   "      - 192.0.2.0/24\n"
		   "  - name: c\n"
		   "    prefixes:\n"
		   "      - 198.51.100.0/24\n"
		   "      - 192.0.2.0/24\n",
	 "f:10: tiers[2].prefixes[1]: 192.0.2.0/24 is in tier `c` and, on line 6, in tier `b`"
	 "; expected it in one tier"},
	{"prefix twice in a tier",
	 INTERFACE "tiers:\n"
		   "  - name: a\n"
		   "  - name: b\n"
		   "    prefixes: [192.0.2.1, 192.0.2.1/32]\n",
	 "f:5: tiers[1].prefixes[1]: 192.0.2.1 is there twice, first on line 5"
	 "; expected it once"},
	{"denied and allowed", INTERFACE "deny: [192.0.2.0/24]\nallow: [192.0.2.0/24]\n",
	 "f:3: allow[0]: 192.0.2.0/24 is also in `deny`, on line 2"
	 "; expected it in one of them"},
	{"denied twice",
	 INTERFACE "deny:\n"
		   "  - 2001:db8::/32\n"
		   "  - 2001:DB8::/32\n",
	 "f:4: deny[1]: 2001:db8::/32 is there twice, first on line 3; expected it once"},
	{"host bits", INTERFACE "deny: [10.1.2.3/8]\n",
	 "f:2: deny[0]: \"10.1.2.3/8\" has bits set beyond its length"
	 "; expected 10.0.0.0/8"},
	{"host bits of IPv6", INTERFACE "deny: ['2001:db8::1/64']\n",
	 "f:2: deny[0]: \"2001:db8::1/64\" has bits set beyond its length"
	 "; expected 2001:db8::/64"},
	{"IPv4-mapped", INTERFACE "deny: ['::ffff:192.0.2.1']\n",
	 "f:2: deny[0]: \"::ffff:192.0.2.1\" is an IPv4-mapped address"
	 "; expected it as IPv4: 192.0.2.1"},
	{"IPv4-mapped prefix", INTERFACE "deny: ['::ffff:192.0.2.0/120']\n",
	 "f:2: deny[0]: \"::ffff:192.0.2.0/120\" is an IPv4-mapped address"
	 "; expected it as IPv4: 192.0.2.0/24"},
	{"longer than a client", INTERFACE "deny:\n  - 192.0.2.1\n  - 2001:db8::1\n",
	 "f:4: deny[1]: 2001:db8::1 is /128, but the clients of service `other` are /64"
	 "; expected at most /64, or a longer `client_prefix` in that service"},
	{"longer than a client of one service",
	 INTERFACE "allow: [192.0.2.0/24, 198.51.100.128/25]\n" SERVICE
		   "    client_prefix: {ipv4: 24}\n",
	 "f:2: allow[1]: 198.51.100.128/25 is /25, but the clients of service `web` are /24"
	 "; expected at most /24, or a longer `client_prefix` in that service"},
	{"tier longer than a client",
	 INTERFACE "tiers: [{name: a}, {name: b, prefixes: ['2001:db8::/65']}]\n",
	 "f:2: tiers[1].prefixes[0]: 2001:db8::/65 is /65, but the clients of service `other` are"
	 " /64; expected at most /64, or a longer `client_prefix` in that service"},
	{"length too long", INTERFACE "deny: [10.0.0.0/33]\n",
	 "f:2: deny[0]: \"10.0.0.0/33\" has no valid length; expected /0 to /32"},
	{"length too long for IPv6", INTERFACE "deny: ['2001:db8::/129']\n",
	 "f:2: deny[0]: \"2001:db8::/129\" has no valid length; expected /0 to /128"},
	{"length empty", INTERFACE "deny: [10.0.0.0/]\n",
	 "f:2: deny[0]: \"10.0.0.0/\" has no valid length; expected /0 to /32"},
	{"length signed", INTERFACE "deny: [10.0.0.0/+8]\n",
	 "f:2: deny[0]: \"10.0.0.0/+8\" has no valid length; expected /0 to /32"},
	{"length with zero", INTERFACE "deny: [10.0.0.0/08]\n",
	 "f:2: deny[0]: \"10.0.0.0/08\" has no valid length; expected /0 to /32"},
	{"short address", INTERFACE "deny: [10.0.0/8]\n",
	 "f:2: deny[0]: \"10.0.0/8\" is not an address or prefix"
	 "; expected one such as 203.0.113.0/24 or 2001:db8::/32"},
	{"leading zeros", INTERFACE "deny: [010.0.0.1]\n",
	 "f:2: deny[0]: \"010.0.0.1\" is not an address or prefix"
	 "; expected one such as 203.0.113.0/24 or 2001:db8::/32"},
	{"host name", INTERFACE "deny: [example.org]\n",
	 "f:2: deny[0]: \"example.org\" is not an address or prefix"
	 "; expected one such as 203.0.113.0/24 or 2001:db8::/32"},
	{"zone", INTERFACE "deny: ['fe80::1%eth0']\n",
	 "f:2: deny[0]: \"fe80::1%eth0\" is not an address or prefix"
	 "; expected one such as 203.0.113.0/24 or 2001:db8::/32"},
	{"long",
	 INTERFACE
	 "deny: [1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111]\n",
	 "f:2: deny[0]: \"1111111111111111111111111111111111111111111111111111111111...\" is"
	 " not an address"
	 "; expected one such as 203.0.113.0/24"},
	{"blank", INTERFACE "deny: ['10.0.0.0 /8']\n",
	 "f:2: deny[0]: \"10.0.0.0 /8\" is not an address or prefix"
	 "; expected one such as 203.0.113.0/24 or 2001:db8::/32"},
	{"prefix a mapping", INTERFACE "deny: [{a: b}]\n",
	 "f:2: deny[0]: is a mapping; expected a prefix such as 203.0.113.0/24"},
	{"prefix missing", INTERFACE "deny:\n  -\n",
	 "f:3: deny[0]: has no value; expected a prefix such as 203.0.113.0/24"},
	{"prefixes a word", INTERFACE "deny: 10.0.0.0/8\n",
	 "f:2: deny: is a single value"
	 "; expected a list of prefixes such as 198.51.100.0/24"},
	{"prefixes without value", INTERFACE "deny:\n",
	 "f:2: deny: has no value; expected a list of prefixes such as 198.51.100.0/24"},
	{"services a mapping", INTERFACE "services: {web: {}}\n",
	 "f:2: services: is a mapping"
	 "; expected a list such as [{name: web, match: [tcp/80]}]"},
	{"service without name", INTERFACE "services: [{match: [tcp/80]}]\n",
	 "f:2: services[0].name: is missing"
	 "; expected 1 to 31 letters, digits, dots, dashes and underscores"},
	{"service without match", INTERFACE "services: [{name: web}]\n",
	 "f:2: services[0].match: is missing; expected a list such as [tcp/80]"},
	{"service with empty match", INTERFACE "services: [{name: web, match: []}]\n",
	 "f:2: services[0].match: is empty; expected at least one match such as tcp/80"},
	{"match missing, connections",
	 INTERFACE "services: [{name: web, limits: {default: [1/s connections]}}]\n",
	 "f:2: services[0].match: is missing; expected a list such as [tcp/80]"},
	{"service twice", INTERFACE SERVICE "  - name: web\n    match: [tcp/81]\n",
	 "f:5: services[1].name: \"web\" is there twice, first on line 3"
	 "; expected another name"},
	{"service name", INTERFACE "services: [{name: a/b, match: [tcp/80]}]\n",
	 "f:2: services[0].name: \"a/b\" is not a valid name"
	 "; expected 1 to 31 letters, digits, dots, dashes and underscores"},
	{"other with match", INTERFACE "services: [{name: other, match: [tcp/80]}]\n",
	 "f:2: services[0].match: the service `other` takes what no other service matches"
	 "; expected no `match` and no `destinations` here"},
	{"other with destinations",
	 INTERFACE "services: [{name: other, destinations: [192.0.2.1]}]\n",
	 "f:2: services[0].destinations: the service `other` takes what no other service"
	 " matches"
	 "; expected no `match` and no `destinations` here"},
	{"other twice",
	 INTERFACE "services:\n"
		   "  - {name: other}\n"
		   "  - {name: other}\n",
	 "f:4: services[1].name: \"other\" is there twice, first on line 3"
	 "; expected another name"},
	{"match unknown protocol", INTERFACE "services: [{name: a, match: [http]}]\n",
	 "f:2: services[0].match[0]: \"http\" is not a protocol"
	 "; expected tcp/PORT, udp/FIRST-LAST, icmp, icmpv6, gre, sctp, ... or proto/NUMBER"},
	{"match port only", INTERFACE "services: [{name: a, match: [80]}]\n",
	 "f:2: services[0].match[0]: \"80\" is not a protocol"
	 "; expected tcp/PORT, udp/FIRST-LAST, icmp, icmpv6, gre, sctp, ... or proto/NUMBER"},
	{"match port of sctp", INTERFACE "services: [{name: a, match: [sctp/80]}]\n",
	 "f:2: services[0].match[0]: \"sctp/80\": only tcp and udp have ports here"
	 "; expected sctp"},
	{"match port 65536", INTERFACE "services: [{name: a, match: [tcp/65536]}]\n",
	 "f:2: services[0].match[0]: \"tcp/65536\" has no valid port"
	 "; expected tcp/0 to tcp/65535, or tcp/8000-8100"},
	{"match port empty", INTERFACE "services: [{name: a, match: [tcp/]}]\n",
	 "f:2: services[0].match[0]: \"tcp/\" has no valid port"
	 "; expected tcp/0 to tcp/65535, or tcp/8000-8100"},
	{"match port range backwards", INTERFACE "services: [{name: a, match: [tcp/90-80]}]\n",
	 "f:2: services[0].match[0]: \"tcp/90-80\" runs backwards; expected tcp/80-90"},
	{"match range open", INTERFACE "services: [{name: a, match: [tcp/80-]}]\n",
	 "f:2: services[0].match[0]: \"tcp/80-\" has no valid port"
	 "; expected tcp/0 to tcp/65535, or tcp/8000-8100"},
	{"match list in list", INTERFACE "services: [{name: a, match: [[tcp/80]]}]\n",
	 "f:2: services[0].match[0]: is a list; expected a match such as tcp/80"},
	{"match proto 6", INTERFACE "services: [{name: a, match: [proto/6]}]\n",
	 "f:2: services[0].match[0]: \"proto/6\" has ports; expected tcp, or tcp/PORT"},
	{"match proto 256", INTERFACE "services: [{name: a, match: [proto/256]}]\n",
	 "f:2: services[0].match[0]: \"proto/256\" is not a protocol number"
	 "; expected proto/0 to proto/255"},
	{"match capital", INTERFACE "services: [{name: a, match: [TCP/80]}]\n",
	 "f:2: services[0].match[0]: \"TCP/80\" is not a protocol"
	 "; expected tcp/PORT, udp/FIRST-LAST, icmp, icmpv6, gre, sctp, ... or proto/NUMBER"},
	{"mode", INTERFACE SERVICE "    mode: off\n",
	 "f:5: services[0].mode: \"off\" is not known here; expected enforce or observe"},
	{"on_limit", INTERFACE SERVICE "    on_limit: ban\n",
	 "f:5: services[0].on_limit: \"ban\" is not known here; expected drop or reject"},
	{"client prefix short", INTERFACE SERVICE "    client_prefix: {ipv4: 7}\n",
	 "f:5: services[0].client_prefix.ipv4: \"7\" is out of range"
	 "; expected a number from 8 to 32"},
	{"client prefix long", INTERFACE SERVICE "    client_prefix: {ipv4: 33}\n",
	 "f:5: services[0].client_prefix.ipv4: \"33\" is out of range"
	 "; expected a number from 8 to 32"},
	{"client prefix IPv6", INTERFACE SERVICE "    client_prefix: {ipv6: 15}\n",
	 "f:5: services[0].client_prefix.ipv6: \"15\" is out of range"
	 "; expected a number from 16 to 128"},
	{"client prefix slash", INTERFACE SERVICE "    client_prefix: {ipv6: /64}\n",
	 "f:5: services[0].client_prefix.ipv6: \"/64\" is not a whole number"
	 "; expected a number from 16 to 128"},
	{"client prefix number", INTERFACE SERVICE "    client_prefix: 24\n",
	 "f:5: services[0].client_prefix: is a single value"
	 "; expected a mapping such as {ipv4: 32, ipv6: 64}"},
	{"client prefix unknown", INTERFACE SERVICE "    client_prefix: {v4: 24}\n",
	 "f:5: services[0].client_prefix.v4: unknown field; expected one of ipv4, ipv6"},
	{"parent longer",
	 INTERFACE SERVICE "    client_prefix: {ipv4: 24}\n"
			   "    parent_prefix: {ipv4: 28}\n",
	 "f:6: services[0].parent_prefix.ipv4: 28 is longer than the client prefix, which is"
	 " 24"
	 "; expected at most 24"},
	{"parent longer IPv6",
	 INTERFACE SERVICE "    parent_prefix:\n"
			   "      ipv4: 16\n"
			   "      ipv6: 96\n",
	 "f:7: services[0].parent_prefix.ipv6: 96 is longer than the client prefix, which is"
	 " 64"
	 "; expected at most 64"},
	{"new clients a minute", INTERFACE SERVICE "    new_clients: 100/min\n",
	 "f:5: services[0].new_clients: \"100/min\" is not a rate a second"
	 "; expected a rate such as 10000/s, at most 1G/s, or unlimited"},
	{"new clients 0", INTERFACE SERVICE "    new_clients: 0/s\n",
	 "f:5: services[0].new_clients: \"0/s\" is out of range"
	 "; expected a rate such as 10000/s, at most 1G/s, or unlimited"},
	{"new clients number", INTERFACE SERVICE "    new_clients: 100\n",
	 "f:5: services[0].new_clients: \"100\" is not a rate a second"
	 "; expected a rate such as 10000/s, at most 1G/s, or unlimited"},
	{"new clients bytes", INTERFACE SERVICE "    new_clients: 100B/s\n",
	 "f:5: services[0].new_clients: \"100B/s\" is not a rate a second"
	 "; expected a rate such as 10000/s, at most 1G/s, or unlimited"},
	{"new clients too many", INTERFACE SERVICE "    new_clients: 2G/s\n",
	 "f:5: services[0].new_clients: \"2G/s\" is out of range"
	 "; expected a rate such as 10000/s, at most 1G/s, or unlimited"},
	{"same port twice",
	 INTERFACE "services:\n"
		   "  - name: a\n"
		   "    match: [tcp/80, tcp/80]\n",
	 "f:4: services[0].match[1]: tcp/80 overlaps \"tcp/80\" on line 4"
	 "; expected each port once"},
	{"overlapping ranges in a service",
	 INTERFACE "services:\n"
		   "  - name: a\n"
		   "    match:\n"
		   "      - tcp/80-90\n"
		   "      - tcp/90\n",
	 "f:6: services[0].match[1]: tcp/90 overlaps \"tcp/80-90\" on line 5"
	 "; expected each port once"},
	{"same port in two services",
	 INTERFACE SERVICE "  - name: web2\n"
			   "    match:\n"
			   "      - udp/80\n"
			   "      - tcp/80\n",
	 "f:8: services[1].match[1]: tcp/80 at any destination is already matched by service"
	 " `web` on line 4"
	 "; expected other ports, or other `destinations`"},
	{"range over a port",
	 INTERFACE "services:\n"
		   "  - name: a\n"
		   "    match: [tcp/8000-8100]\n"
		   "  - name: b\n"
		   "    match: [tcp/7000-9000]\n",
	 "f:6: services[1].match[0]: tcp/7000-9000 at any destination is already matched by"
	 " service `a` on line 4"
	 "; expected other ports, or other `destinations`"},
	{"same protocol",
	 INTERFACE "services:\n"
		   "  - name: a\n"
		   "    match: [icmp]\n"
		   "  - name: b\n"
		   "    match: [proto/1]\n",
	 "f:6: services[1].match[0]: icmp at any destination is already matched by service"
	 " `a` on line 4"
	 "; expected other ports, or other `destinations`"},
	{"same destination",
	 INTERFACE "services:\n"
		   "  - name: a\n"
		   "    match: [tcp/80]\n"
		   "    destinations: [192.0.2.1, 192.0.2.2]\n"
		   "  - name: b\n"
		   "    match: [tcp/80]\n"
		   "    destinations: [192.0.2.3, 192.0.2.2]\n",
	 "f:7: services[1].match[0]: tcp/80 at 192.0.2.2 is already matched by service `a`"
	 " on line 4"
	 "; expected other ports, or other `destinations`"},
	{"destination twice",
	 INTERFACE "services:\n"
		   "  - name: a\n"
		   "    match: [tcp/80]\n"
		   "    destinations: [192.0.2.1, 192.0.2.1]\n",
	 "f:5: services[0].destinations: 192.0.2.1 is there twice; expected it once"},
	{"protected",
	 INTERFACE "services:\n"
		   "  - name: ssh\n"
		   "    match: [tcp/22]\n",
	 "f:4: services[0].match[0]: limits would never apply here, tcp/22 is in"
	 " `protected_ports` by default"
	 "; expected another port, or protected_ports without it"},
	{"protected by name",
	 INTERFACE "protected_ports: [tcp/8000-8100, icmp]\n"
		   "services:\n"
		   "  - name: a\n"
		   "    match: [tcp/8001]\n",
	 "f:5: services[0].match[0]: limits would never apply here, tcp/8000-8100 is in"
	 " `protected_ports`"
	 "; expected another port, or protected_ports without it"},
	{"protected wrong", INTERFACE "protected_ports: [22]\n",
	 "f:2: protected_ports[0]: \"22\" is not a protocol"
	 "; expected tcp/PORT, udp/FIRST-LAST, icmp, icmpv6, gre, sctp, ... or proto/NUMBER"},
	{"limit: no unit", LIMIT("100/min"),
	 "f:6: services[0].limits.default[0]: \"100/min\" has no unit"
	 "; expected 100/min packets, bytes or connections"},
	{"limit: empty", LIMIT("''"),
	 "f:6: services[0].limits.default[0]: \"\" is not a limit"
	 "; expected RATE UNIT [burst N] [cluster], for example 100/min connections burst 20"},
	{"limit: no rate", LIMIT("connections"),
	 "f:6: services[0].limits.default[0]: \"connections\" is not a rate"
	 "; expected NUMBER/PERIOD with period s, min, hour or day, for example 100/min or"
	 " 20MB/s"},
	{"limit: period", LIMIT("100/mn connections"),
	 "f:6: services[0].limits.default[0]: \"100/mn\" is not a rate"
	 "; expected NUMBER/PERIOD with period s, min, hour or day, for example 100/min or"
	 " 20MB/s"},
	{"limit: no period", LIMIT("100 connections"),
	 "f:6: services[0].limits.default[0]: \"100\" is not a rate"
	 "; expected NUMBER/PERIOD with period s, min, hour or day, for example 100/min or"
	 " 20MB/s"},
	{"limit: unit", LIMIT("100/min requests"),
	 "f:6: services[0].limits.default[0]: \"requests\" is not a unit"
	 "; expected packets, bytes or connections"},
	{"limit: unit singular", LIMIT("100/min connection"),
	 "f:6: services[0].limits.default[0]: \"connection\" is not a unit"
	 "; expected packets, bytes or connections"},
	{"limit: bytes as packets", LIMIT("20MB/s packets"),
	 "f:6: services[0].limits.default[0]: \"20MB/s\" is a rate of bytes, not of packets"
	 "; expected 20MB/s bytes"},
	{"limit: burst word", LIMIT("100/min connections bursts 20"),
	 "f:6: services[0].limits.default[0]: \"100/min connections bursts 20\" is not a limit"
	 "; expected RATE UNIT [burst N] [cluster], for example 100/min connections burst 20"},
	{"limit: burst missing", LIMIT("100/min connections burst"),
	 "f:6: services[0].limits.default[0]: \"100/min connections burst\" is not a limit"
	 "; expected RATE UNIT [burst N] [cluster], for example 100/min connections burst 20"},
	{"limit: burst number", LIMIT("100/min connections burst 2x"),
	 "f:6: services[0].limits.default[0]: burst \"2x\" is not a number of connections"
	 "; expected one such as 200"},
	{"limit: more", LIMIT("100/min connections burst 20 please"),
	 "f:6: services[0].limits.default[0]: \"100/min connections burst 20 please\" is not"
	 " a limit"
	 "; expected RATE UNIT [burst N] [cluster], for example 100/min connections burst 20"},
	{"limit: negative", LIMIT("-1/s packets"),
	 "f:6: services[0].limits.default[0]: \"-1/s\" is not a rate"
	 "; expected NUMBER/PERIOD with period s, min, hour or day, for example 100/min or"
	 " 20MB/s"},
	{"limit: fraction", LIMIT("0.5/s packets"),
	 "f:6: services[0].limits.default[0]: \"0.5/s\" is not a rate"
	 "; expected NUMBER/PERIOD with period s, min, hour or day, for example 100/min or"
	 " 20MB/s"},
	{"limit: rate 0", LIMIT("0/s packets"),
	 "f:6: services[0].limits.default[0]: rate 0 lets nothing pass"
	 "; expected at least 1/day (to refuse everybody, see deny)"},
	{"limit: burst 0", LIMIT("1/s packets burst 0"),
	 "f:6: services[0].limits.default[0]: burst 0 lets nothing pass"
	 "; expected at least 1"},
	{"limit: too fast", LIMIT("2000000000/s packets"),
	 "f:6: services[0].limits.default[0]: rate 2000000000/s is more than can be told apart"
	 "; expected at most 1G/s"},
	{"limit: too many bytes", LIMIT("2000GB/s bytes"),
	 "f:6: services[0].limits.default[0]: rate 2000000000000/s is more than can be told"
	 " apart"
	 "; expected at most 1000GB/s"},
	{"limit: too few bytes", LIMIT("100B/s bytes burst 2000"),
	 "f:6: services[0].limits.default[0]: rate 100/s is too slow for bytes"
	 "; expected at least 256B/s"},
	{"limit: burst of bytes", LIMIT("10kB/s bytes burst 1513"),
	 "f:6: services[0].limits.default[0]: a burst of 1513 bytes cannot hold one full frame"
	 "; expected burst 1514 or more"},
	{"limit: default burst of bytes", LIMIT("1000B/s bytes"),
	 "f:6: services[0].limits.default[0]: a burst of 1000 bytes cannot hold one full frame"
	 "; expected burst 1514 or more"},
	{"limit: burst of bytes in connections", LIMIT("10/s packets burst 1MB"),
	 "f:6: services[0].limits.default[0]: burst \"1MB\" is not a number of packets"
	 "; expected one such as 200"},
	{"limit: a year", LIMIT("1/day connections burst 366"),
	 "f:6: services[0].limits.default[0]: a burst of 366 takes more than a year to fill"
	 " again at 1/day"
	 "; expected burst 365 or less"},
	{"limit: overflow", LIMIT("99999999999999999999/s packets"),
	 "f:6: services[0].limits.default[0]: \"99999999999999999999/s\" is too large a rate"
	 "; expected at most 1G/s, or 1000GB/s of bytes"},
	{"limit: overflow by scale", LIMIT("99999999999999999G/s packets"),
	 "f:6: services[0].limits.default[0]: \"99999999999999999G/s\" is too large a rate"
	 "; expected at most 1G/s, or 1000GB/s of bytes"},
	{"limit: a list", LIMIT("[1/s packets]"),
	 "f:6: services[0].limits.default[0]: is a list"
	 "; expected RATE UNIT [burst N] [cluster], for example 100/min connections burst 20"},
	{"limit: nothing",
	 INTERFACE SERVICE "    limits:\n"
			   "      default:\n"
			   "        -\n",
	 "f:7: services[0].limits.default[0]: has no value"
	 "; expected RATE UNIT [burst N] [cluster], for example 100/min connections burst 20"},
	{"limit: map without unit", LIMIT("{rate: 1/s}"),
	 "f:6: services[0].limits.default[0].unit: is missing"
	 "; expected packets, bytes or connections"},
	{"limit: map without rate", LIMIT("{unit: packets}"),
	 "f:6: services[0].limits.default[0].rate: is missing"
	 "; expected NUMBER/PERIOD such as 100/min or 20MB/s"},
	{"limit: map rate 0", LIMIT("{rate: 0/s, unit: packets}"),
	 "f:6: services[0].limits.default[0].rate: rate 0 lets nothing pass"
	 "; expected at least 1/day (to refuse everybody, see deny)"},
	{"limit: map burst 0",
	 INTERFACE SERVICE "    limits:\n"
			   "      default:\n"
			   "        - rate: 10/s\n"
			   "          unit: packets\n"
			   "          burst: 0\n",
	 "f:9: services[0].limits.default[0].burst: burst 0 lets nothing pass"
	 "; expected at least 1"},
	{"limit: map bytes", LIMIT("{rate: 1MB/s, unit: packets}"),
	 "f:6: services[0].limits.default[0].unit: the rate \"1MB/s\" is one of bytes, not"
	 " of packets"
	 "; expected bytes"},
	{"limit: map burst text", LIMIT("{rate: 1/s, unit: packets, burst: many}"),
	 "f:6: services[0].limits.default[0].burst: burst \"many\" is not a number of packets"
	 "; expected one such as 200"},
	{"limit: map unknown", LIMIT("{rate: 1/s, units: packets}"),
	 "f:6: services[0].limits.default[0].units: unknown field"
	 "; expected one of rate, unit, burst, scope, on_outage"},
	{"limit: rate a list", LIMIT("{rate: [1/s], unit: packets}"),
	 "f:6: services[0].limits.default[0].rate: is a list"
	 "; expected NUMBER/PERIOD such as 100/min or 20MB/s"},
	{"limit: five", LIMIT("1/s packets, 2/s packets, 3/s packets, 4/s packets, 5/s packets"),
	 "f:6: services[0].limits.default: has 5 limits; expected at most 4"},
	{"limits: a list", INTERFACE SERVICE "    limits: [1/s packets]\n",
	 "f:5: services[0].limits: is a list"
	 "; expected a mapping of tiers such as {default: [100/min connections]}"},
	{"limits: tier text", INTERFACE SERVICE "    limits: {default: 1/s packets}\n",
	 "f:5: services[0].limits.default: is a single value; expected a list of limits"},
	{"limits: unknown tier", TIERS SERVICE "    limits: {c: [1/s packets]}\n",
	 "f:6: services[0].limits.c: \"c\" is not a tier; expected one of a, b, u"},
	{"limits: tier twice",
	 TIERS SERVICE "    limits:\n"
		       "      a: []\n"
		       "      a: [1/s packets]\n",
	 "f:8: services[0].limits.a: is there twice, first on line 7; expected it once"},
	{"limits: unlimited tier", TIERS SERVICE "    limits: {u: [1/s packets]}\n",
	 "f:6: services[0].limits.u: tier `u` is unlimited, so these would never apply"
	 "; expected no limits for it"},
	{"limits: deep",
	 TIERS SERVICE "  - name: dns\n"
		       "    match: [udp/53]\n"
		       "    limits:\n"
		       "      b:\n"
		       "        - 1/s packets\n"
		       "        - 0/s packets\n",
	 "f:11: services[1].limits.b[1]: rate 0 lets nothing pass"
	 "; expected at least 1/day (to refuse everybody, see deny)"},
	{"group limits: deep",
	 TIERS SERVICE "    group_limits:\n      b: [{rate: 0/min, unit: packets}]\n",
	 "f:7: services[0].group_limits.b[0].rate: rate 0 lets nothing pass"
	 "; expected at least 1/day (to refuse everybody, see deny)"},
	{"limits: connections without TCP",
	 INTERFACE "services:\n"
		   "  - name: dns\n"
		   "    match: [udp/53]\n"
		   "    limits: {default: [1/s connections]}\n",
	 "f:5: services[0].limits.default[0]: limits connections, which only TCP has, and"
	 " service `dns` matches no TCP"
	 "; expected packets or bytes"},
	{"http listen", INTERFACE "http: {listen: localhost:80}\n",
	 "f:2: http.listen: \"localhost:80\" is not an address and port"
	 "; expected ADDRESS:PORT such as 127.0.0.1:9464 or [::1]:9464, or off"},
	{"http listen port", INTERFACE "http: {listen: 127.0.0.1}\n",
	 "f:2: http.listen: \"127.0.0.1\" is not an address and port"
	 "; expected ADDRESS:PORT such as 127.0.0.1:9464 or [::1]:9464, or off"},
	{"http listen port 0", INTERFACE "http: {listen: '127.0.0.1:0'}\n",
	 "f:2: http.listen: \"127.0.0.1:0\" is not an address and port"
	 "; expected ADDRESS:PORT such as 127.0.0.1:9464 or [::1]:9464, or off"},
	{"http listen IPv6 bare", INTERFACE "http: {listen: '::1:80'}\n",
	 "f:2: http.listen: \"::1:80\" is not an address and port"
	 "; expected ADDRESS:PORT such as 127.0.0.1:9464 or [::1]:9464, or off"},
	{"http admin", INTERFACE "http: {admin: weir.sock}\n",
	 "f:2: http.admin: \"weir.sock\" is not an absolute path"
	 "; expected an absolute path of at most 107 bytes"},
	{"clients", INTERFACE "table: {clients: 1000}\n",
	 "f:2: table.clients: \"1000\" is out of range"
	 "; expected a number from 1024 to 134217728"},
	{"clients text", INTERFACE "table: {clients: lots}\n",
	 "f:2: table.clients: \"lots\" is not a whole number"
	 "; expected a number from 1024 to 134217728"},
	{"clients fraction", INTERFACE "table: {clients: 2000.5}\n",
	 "f:2: table.clients: \"2000.5\" is not a whole number"
	 "; expected a number from 1024 to 134217728"},
	{"clients huge", INTERFACE "table: {clients: 1G}\n",
	 "f:2: table.clients: \"1G\" is out of range"
	 "; expected a number from 1024 to 134217728"},
	{"clients negative", INTERFACE "table: {clients: -5}\n",
	 "f:2: table.clients: \"-5\" is not a whole number"
	 "; expected a number from 1024 to 134217728"},
	{"node empty", INTERFACE "node: ''\n",
	 "f:2: node: \"\" is not a node name; expected 1 to 253 printable characters"},
	{"node newline", INTERFACE "node: \"a\\nb\"\n",
	 "f:2: node: \"a?b\" is not a node name; expected 1 to 253 printable characters"},
	{"node null", INTERFACE "node:\n",
	 "f:2: node: has no value; expected 1 to 253 printable characters"},
	{"pins", INTERFACE "pins: weir\n",
	 "f:2: pins: \"weir\" is not an absolute path"
	 "; expected an absolute path of at most 200 bytes"},
	{"on_exit", INTERFACE "on_exit: maybe\n",
	 "f:2: on_exit: \"maybe\" is not known here; expected detach or keep"},
	{"log format", INTERFACE "log: {format: xml}\n",
	 "f:2: log.format: \"xml\" is not known here; expected auto, text or json"},
	{"log level", INTERFACE "log: {level: warn}\n",
	 "f:2: log.level: \"warn\" is not known here"
	 "; expected error, warning, info or debug"},
	{"log text", INTERFACE "log: debug\n",
	 "f:2: log: is a single value"
	 "; expected a mapping such as {format: json, level: info}"},
	{"upstreams a word", INTERFACE "upstreams: api\n",
	 "f:2: upstreams: is a single value"
	 "; expected a list such as [{name: api, endpoints: [\"10.1.2.3:8443\"]}]"},
	{"upstream a word", INTERFACE "upstreams: [api]\n",
	 "f:2: upstreams[0]: is a single value"
	 "; expected a mapping such as {name: api, endpoints: [\"10.1.2.3:8443\"]}"},
	{"upstream without name", INTERFACE "upstreams:\n  - endpoints: [a:1]\n",
	 "f:3: upstreams[0].name: is missing"
	 "; expected 1 to 31 letters, digits, dots, dashes and underscores"},
	{"upstream without endpoints", INTERFACE "upstreams:\n  - name: api\n",
	 "f:3: upstreams[0].endpoints: is missing"
	 "; expected a list such as [\"10.1.2.3:8443\", \"api.example.org:443\"]"},
	{"upstream with no endpoint", UPSTREAM(""),
	 "f:3: upstreams[0].endpoints: is empty; expected at least one endpoint"},
	{"upstream twice",
	 INTERFACE "upstreams:\n"
		   "  - {name: api, endpoints: [a:1]}\n"
		   "  - {name: api, endpoints: [b:1]}\n",
	 "f:4: upstreams[1].name: \"api\" is there twice, first on line 3; expected another name"},
	{"upstream with a stranger", CALLED("port: 80"),
	 "f:5: upstreams[0].port: unknown field; expected one of name, endpoints, protocol, http,"
	 " slow, connect_timeout, answer_timeout, breaker, probe"},
	{"endpoint a list", UPSTREAM("[a]"),
	 "f:3: upstreams[0].endpoints[0]: is a list; expected HOST:PORT such as 10.1.2.3:8443"},
	{"endpoint without port", UPSTREAM("a:1, 10.1.2.3"),
	 "f:3: upstreams[0].endpoints[1]: \"10.1.2.3\" has no port" ENDPOINT},
	{"endpoint with an empty port", UPSTREAM("'a:'"),
	 "f:3: upstreams[0].endpoints[0]: \"a:\" has no port from 1 to 65535 behind its colon" ENDPOINT},
	{"endpoint with port 0", UPSTREAM("a:0"),
	 "f:3: upstreams[0].endpoints[0]: \"a:0\" has no port from 1 to 65535 behind its colon" ENDPOINT},
	{"endpoint with port 65536", UPSTREAM("a:65536"),
	 "f:3: upstreams[0].endpoints[0]: \"a:65536\" has no port from 1 to 65535 behind its colon" ENDPOINT},
	{"endpoint with the name of a port", UPSTREAM("a:https"),
	 "f:3: upstreams[0].endpoints[0]: \"a:https\" has no port from 1 to 65535 behind its colon" ENDPOINT},
	{"endpoint a URL", UPSTREAM("'http://a'"),
	 "f:3: upstreams[0].endpoints[0]: \"http://a\" has no port from 1 to 65535 behind its colon" ENDPOINT},
	{"endpoint without host", UPSTREAM("':80'"),
	 "f:3: upstreams[0].endpoints[0]: \":80\" has no host" ENDPOINT},
	{"endpoint with empty brackets", UPSTREAM("'[]:80'"),
	 "f:3: upstreams[0].endpoints[0]: \"[]:80\" has no host" ENDPOINT},
	{"endpoint empty", UPSTREAM("''"),
	 "f:3: upstreams[0].endpoints[0]: \"\" has no port" ENDPOINT},
	{"IPv6 without brackets", UPSTREAM("'2001:db8::1:53'"),
	 "f:3: upstreams[0].endpoints[0]: \"2001:db8::1:53\" has several colons"
	 "; expected HOST:PORT, an IPv6 address in brackets such as [2001:db8::1]:53"},
	{"IPv6 without a port", UPSTREAM("'[2001:db8::1]'"),
	 "f:3: upstreams[0].endpoints[0]: \"[2001:db8::1]\" has no port" ENDPOINT},
	{"brackets that do not close", UPSTREAM("'[2001:db8::1:53'"),
	 "f:3: upstreams[0].endpoints[0]: \"[2001:db8::1:53\" is not an endpoint" ENDPOINT},
	{"something behind the brackets", UPSTREAM("'[::1]80'"),
	 "f:3: upstreams[0].endpoints[0]: \"[::1]80\" is not an endpoint" ENDPOINT},
	{"a name in brackets", UPSTREAM("'[api]:80'"),
	 "f:3: upstreams[0].endpoints[0]: \"[api]:80\" has no IPv6 address in its brackets" ENDPOINT},
	{"an interface in brackets", UPSTREAM("'[fe80::1%eth0]:80'"),
	 "f:3: upstreams[0].endpoints[0]: \"[fe80::1%eth0]:80\" has no IPv6 address in its brackets" ENDPOINT},
	{"IPv4 in brackets", UPSTREAM("'[::ffff:10.0.0.1]:80'"),
	 "f:3: upstreams[0].endpoints[0]: \"[::ffff:10.0.0.1]:80\" is IPv4 written as IPv6"
	 "; expected 10.0.0.1:80"},
	{"IPv4 with a number too many", UPSTREAM("10.0.0.1.2:80"),
	 "f:3: upstreams[0].endpoints[0]: \"10.0.0.1.2:80\" has no IPv4 address before its port" ENDPOINT},
	{"IPv4 with a number too few", UPSTREAM("127.1:80"),
	 "f:3: upstreams[0].endpoints[0]: \"127.1:80\" has no IPv4 address before its port" ENDPOINT},
	{"IPv4 with a number too large", UPSTREAM("10.0.0.256:80"),
	 "f:3: upstreams[0].endpoints[0]: \"10.0.0.256:80\" has no IPv4 address before its port" ENDPOINT},
	{"IPv4 with a dot behind", UPSTREAM("10.0.0.1.:80"),
	 "f:3: upstreams[0].endpoints[0]: \"10.0.0.1.:80\" has no IPv4 address before its port" ENDPOINT},
	{"IPv4 in hexadecimal", UPSTREAM("0x7F000001:80"),
	 "f:3: upstreams[0].endpoints[0]: \"0x7F000001:80\" has no IPv4 address before its port" ENDPOINT},
	{"a blank in a name", UPSTREAM("'a b:80'"),
	 "f:3: upstreams[0].endpoints[0]: \"a b:80\" has no name of a host before its port" ENDPOINT},
	{"an empty label in a name", UPSTREAM("a..b:80"),
	 "f:3: upstreams[0].endpoints[0]: \"a..b:80\" has no name of a host before its port" ENDPOINT},
	{"a label that begins with a dash", UPSTREAM("a.-b:80"),
	 "f:3: upstreams[0].endpoints[0]: \"a.-b:80\" has no name of a host before its port" ENDPOINT},
	{"a label of 64 letters",
	 UPSTREAM("a123456789b123456789c123456789d123456789e123456789f123456789g123:1"),
	 "f:3: upstreams[0].endpoints[0]:"
	 " \"a123456789b123456789c123456789d123456789e123456789f1234567...\""
	 " has no name of a host before its port" ENDPOINT},
	{"no address", UPSTREAM("0.0.0.0:80"),
	 "f:3: upstreams[0].endpoints[0]: \"0.0.0.0:80\" is no address that packets bear"
	 "; expected one such as 127.0.0.1:80 or [::1]:80"},
	{"no address in IPv6", UPSTREAM("'[::0]:53'"),
	 "f:3: upstreams[0].endpoints[0]: \"[::0]:53\" is no address that packets bear"
	 "; expected one such as 127.0.0.1:53 or [::1]:53"},
	{"an endpoint of 80 bytes",
	 UPSTREAM(
		 "a1234567.b1234567.c1234567.d1234567.e1234567.f1234567.g1234567.h1234567.i123:123"),
	 "f:3: upstreams[0].endpoints[0]:"
	 " \"a1234567.b1234567.c1234567.d1234567.e1234567.f1234567.g123...\" has 80 bytes"
	 "; expected at most 79"},
	{"endpoint twice", UPSTREAM("10.0.0.1:80, 10.0.0.2:80, 10.0.0.1:80"),
	 "f:3: upstreams[0].endpoints[2]: \"10.0.0.1:80\" is there twice, first on line 3"
	 "; expected it once"},
	{"endpoint twice, by another name", UPSTREAM("'[2001:db8::1]:80', '[2001:DB8:0::1]:80'"),
	 "f:3: upstreams[0].endpoints[1]: \"[2001:DB8:0::1]:80\" is there twice, first on line 3"
	 "; expected it once"},
	{"endpoint twice, in capitals", UPSTREAM("api.example:80, API.Example:80"),
	 "f:3: upstreams[0].endpoints[1]: \"API.Example:80\" is there twice, first on line 3"
	 "; expected it once"},
	{"endpoint of two upstreams",
	 INTERFACE "upstreams:\n"
		   "  - name: a\n"
		   "    endpoints:\n"
		   "      - h:1\n"
		   "      - h:2\n"
		   "  - {name: b, endpoints: [h:2]}\n",
	 "f:7: upstreams[1].endpoints[0]: \"h:2\" is also in upstream `a`, on line 6"
	 "; expected it in one of them"},
	{"protocol", CALLED("protocol: sctp"),
	 "f:5: upstreams[0].protocol: \"sctp\" is not known here; expected tcp or udp"},
	{"HTTP over UDP", CALLED("protocol: udp\n    http: true"),
	 "f:6: upstreams[0].http: is true, but HTTP/1 goes over TCP and the protocol here is udp"
	 "; expected false, or protocol tcp"},
	{"connecting over UDP", CALLED("connect_timeout: 1s\n    protocol: udp"),
	 "f:5: upstreams[0].connect_timeout: is for TCP, and the protocol here is udp, which does not"
	 " connect; expected answer_timeout alone"},
	{"slow without unit", CALLED("slow: 1"),
	 "f:5: upstreams[0].slow: \"1\" is not a duration"
	 "; expected a duration from 1us to 4m such as 500ms"},
	{"slow zero", CALLED("slow: 0s"),
	 "f:5: upstreams[0].slow: \"0s\" is out of range"
	 "; expected a duration from 1us to 4m such as 500ms"},
	{"slow in a unit of bytes", CALLED("slow: 1MB"),
	 "f:5: upstreams[0].slow: \"1MB\" is not a duration"
	 "; expected a duration from 1us to 4m such as 500ms"},
	{"slow in fractions of a nanosecond", CALLED("slow: 0.0015us"),
	 "f:5: upstreams[0].slow: \"0.0015us\" is not a duration"
	 "; expected a duration from 1us to 4m such as 500ms"},
	{"slower than none", CALLED("slow: 2.5s\n    answer_timeout: 2s"),
	 "f:5: upstreams[0].slow: 2.5s is longer than answer_timeout, which is 2s, so no answer would"
	 " be slow; expected at most 2s"},
	{"connect_timeout zero", CALLED("connect_timeout: 0ms"),
	 "f:5: upstreams[0].connect_timeout: \"0ms\" is out of range"
	 "; expected a duration from 1ms to 4m such as 3s"},
	{"answer_timeout long", CALLED("answer_timeout: 241s"),
	 "f:5: upstreams[0].answer_timeout: \"241s\" is out of range"
	 "; expected a duration from 1ms to 4m such as 3s"},
	{"breaker a word", CALLED("breaker: on"),
	 "f:5: upstreams[0].breaker: is a single value"
	 "; expected a mapping such as {consecutive_failures: 5}"},
	{"breaker with a stranger", BREAKER("failures: 5"),
	 "f:5: upstreams[0].breaker.failures: unknown field; expected one of mode,"
	 " consecutive_failures, failure_ratio, slow_ratio, min_calls, window, max_connections,"
	 " saturation, waiting_syns, success_rate, recovery, recovery_max, jitter, half_open_permits,"
	 " half_open_successes, half_open_timeout, max_ejection_percent, eject_last, on_open"},
	{"breaker mode", BREAKER("mode: on"),
	 "f:5: upstreams[0].breaker.mode: \"on\" is not known here; expected enforce, observe or off"},
	{"failures too many", BREAKER("consecutive_failures: 1000001"),
	 "f:5: upstreams[0].breaker.consecutive_failures: \"1000001\" is out of range"
	 "; expected a number from 0 (off) to 1000000"},
	{"failure_ratio a fraction", BREAKER("failure_ratio: 0.5"),
	 "f:5: upstreams[0].breaker.failure_ratio: \"0.5\" is not a percentage"
	 "; expected a percentage up to 100% such as 50%, or off"},
	{"failure_ratio beyond all", BREAKER("failure_ratio: 100.01%"),
	 "f:5: upstreams[0].breaker.failure_ratio: \"100.01%\" is out of range"
	 "; expected a percentage up to 100% such as 50%, or off"},
	{"slow_ratio too fine", BREAKER("slow_ratio: 0.001%"),
	 "f:5: upstreams[0].breaker.slow_ratio: \"0.001%\" is not a percentage"
	 "; expected a percentage up to 100% such as 80%, or off"},
	{"slow_ratio a list", BREAKER("slow_ratio: [80%]"),
	 "f:5: upstreams[0].breaker.slow_ratio: is a list"
	 "; expected a percentage up to 100% such as 80%, or off"},
	{"no calls", BREAKER("min_calls: 0"),
	 "f:5: upstreams[0].breaker.min_calls: \"0\" is out of range"
	 "; expected a number from 1 to 1000000"},
	{"window short", BREAKER("window: 999ms"),
	 "f:5: upstreams[0].breaker.window: \"999ms\" is out of range"
	 "; expected a duration from 1s to 1h such as 10s"},
	{"saturation off", BREAKER("saturation: off"),
	 "f:5: upstreams[0].breaker.saturation: \"off\" is not a percentage"
	 "; expected a percentage from 0.01% to 100% such as 85%"},
	{"connections over UDP",
	 CALLED("protocol: udp\n    breaker: {max_connections: 10, waiting_syns: 5}"),
	 "f:6: upstreams[0].breaker.max_connections: is for TCP, and the protocol here is udp, which"
	 " does not connect; expected 0"},
	{"SYNs over UDP", CALLED("protocol: udp\n    breaker: {waiting_syns: 5}"),
	 "f:6: upstreams[0].breaker.waiting_syns: is for TCP, and the protocol here is udp, which"
	 " does not connect; expected 0"},
	{"success_rate a number", BREAKER("success_rate: 1.9"),
	 "f:5: upstreams[0].breaker.success_rate: is a single value"
	 "; expected a mapping such as {stdev_factor: 1.9}"},
	{"stdev_factor zero", BREAKER("success_rate: {stdev_factor: 0}"),
	 "f:5: upstreams[0].breaker.success_rate.stdev_factor: \"0\" is out of range"
	 "; expected a number from 0.001 to 100 such as 1.9"},
	{"stdev_factor a word", BREAKER("success_rate: {stdev_factor: two}"),
	 "f:5: upstreams[0].breaker.success_rate.stdev_factor: \"two\" is not such a number"
	 "; expected a number from 0.001 to 100 such as 1.9"},
	{"one endpoint to compare", BREAKER("success_rate: {minimum_endpoints: 1}"),
	 "f:5: upstreams[0].breaker.success_rate.minimum_endpoints: \"1\" is out of range"
	 "; expected a number from 2 to 256"},
	{"no calls to compare", BREAKER("success_rate: {request_volume: 0}"),
	 "f:5: upstreams[0].breaker.success_rate.request_volume: \"0\" is out of range"
	 "; expected a number from 1 to 1000000"},
	{"recovery without a unit", BREAKER("recovery: 30"),
	 "f:5: upstreams[0].breaker.recovery: \"30\" is not a duration"
	 "; expected a duration from 100ms to 1h such as 30s"},
	{"recovery_max below recovery", BREAKER("recovery: 2m, recovery_max: 90s"),
	 "f:5: upstreams[0].breaker.recovery_max: \"90s\" is shorter than recovery, which is 2m"
	 "; expected at least that"},
	{"jitter that may be all", BREAKER("jitter: 91%"),
	 "f:5: upstreams[0].breaker.jitter: \"91%\" is out of range"
	 "; expected a percentage up to 90% such as 50%, or off"},
	{"no permits", BREAKER("half_open_permits: 0"),
	 "f:5: upstreams[0].breaker.half_open_permits: \"0\" is out of range"
	 "; expected a number from 1 to 1000"},
	{"successes too many", BREAKER("half_open_successes: 1001"),
	 "f:5: upstreams[0].breaker.half_open_successes: \"1001\" is out of range"
	 "; expected a number from 1 to 1000"},
	{"half_open_timeout short", BREAKER("half_open_timeout: 1ms"),
	 "f:5: upstreams[0].breaker.half_open_timeout: \"1ms\" is out of range"
	 "; expected a duration from 100ms to 1h such as 33s"},
	{"ejection of none", BREAKER("max_ejection_percent: 0"),
	 "f:5: upstreams[0].breaker.max_ejection_percent: \"0\" is out of range"
	 "; expected a number from 1 to 100"},
	{"ejection with a sign", BREAKER("max_ejection_percent: 50%"),
	 "f:5: upstreams[0].breaker.max_ejection_percent: \"50%\" is not a whole number"
	 "; expected a number from 1 to 100"},
	{"eject_last perhaps", BREAKER("eject_last: yes"),
	 "f:5: upstreams[0].breaker.eject_last: \"yes\" is neither; expected true or false"},
	{"on_open drop", BREAKER("on_open: drop"),
	 "f:5: upstreams[0].breaker.on_open: \"drop\" is not known here; expected reject or reset"},
	{"probe a word", CALLED("probe: http"),
	 "f:5: upstreams[0].probe: is a single value"
	 "; expected a mapping such as {type: http, path: /healthz}"},
	{"probe with a stranger", PROBE("port: 80"),
	 "f:5: upstreams[0].probe.port: unknown field; expected one of type, interval, timeout, jitter,"
	 " path, expect"},
	{"probe type", PROBE("type: icmp"),
	 "f:5: upstreams[0].probe.type: \"icmp\" is not known here; expected tcp, http or off"},
	{"probe over UDP", CALLED("protocol: udp\n    probe: {}"),
	 "f:6: upstreams[0].probe: is for TCP, and the protocol here is udp; expected none"},
	{"probe too often", PROBE("interval: 99ms"),
	 "f:5: upstreams[0].probe.interval: \"99ms\" is out of range"
	 "; expected a duration from 100ms to 1h such as 5s"},
	{"probe that overlaps", PROBE("interval: 1s, timeout: 2s"),
	 "f:5: upstreams[0].probe.timeout: \"2s\" is longer than interval, which is 1s"
	 "; expected at most that"},
	{"probe jitter", PROBE("jitter: 51%"),
	 "f:5: upstreams[0].probe.jitter: \"51%\" is out of range"
	 "; expected a percentage up to 50% such as 10%, or off"},
	{"probe path", PROBE("path: healthz"),
	 "f:5: upstreams[0].probe.path: \"healthz\" is not a path; expected a path such as /healthz"
	 ", from its first / on and in printable ASCII without blanks"},
	{"probe path with a blank", PROBE("path: '/a b'"),
	 "f:5: upstreams[0].probe.path: \"/a b\" is not a path; expected a path such as /healthz"
	 ", from its first / on and in printable ASCII without blanks"},
	{"probe path of tcp", PROBE("type: tcp, path: /"),
	 "f:5: upstreams[0].probe.path: is for HTTP, and the type here is tcp; expected type: http"},
	{"probe status", PROBE("expect: 2xx"),
	 "f:5: upstreams[0].probe.expect: \"2xx\" is not a status"
	 "; expected a status such as 200, or a range such as 200..399"},
	{"probe status backwards", PROBE("expect: 399..200"),
	 "f:5: upstreams[0].probe.expect: \"399..200\" is out of range"
	 "; expected a status such as 200, or a range such as 200..399"},
	{"probe status long", PROBE("expect: 200000000..399"),
	 "f:5: upstreams[0].probe.expect: \"200000000..399\" is not a status"
	 "; expected a status such as 200, or a range such as 200..399"},
	{"breaker that sees nothing", BREAKER("mode: observe") "latency: {enabled: false}\n",
	 "f:6: latency.enabled: is false, but the breaker of upstream `api` goes by what is measured"
	 "; expected true, or mode: off in that breaker"},
	{"latency a word", INTERFACE "latency: true\n",
	 "f:2: latency: is a single value"
	 "; expected a mapping such as {buckets: [1ms, 10ms, 100ms, 1s]}"},
	{"latency perhaps", INTERFACE "latency: {enabled: maybe}\n",
	 "f:2: latency.enabled: \"maybe\" is neither; expected true or false"},
	{"no buckets", INTERFACE "latency: {buckets: []}\n",
	 "f:2: latency.buckets: is empty; expected at least one bucket"},
	{"buckets in seconds", INTERFACE "latency: {buckets: [0.1, 1]}\n",
	 "f:2: latency.buckets[0]: \"0.1\" is not a duration"
	 "; expected a duration from 1us to 1h such as 2.5ms"},
	{"bucket short", INTERFACE "latency: {buckets: [999ns]}\n",
	 "f:2: latency.buckets[0]: \"999ns\" is out of range"
	 "; expected a duration from 1us to 1h such as 2.5ms"},
	{"bucket long", INTERFACE "latency: {buckets: [1ms, 61min]}\n",
	 "f:2: latency.buckets[1]: \"61min\" is out of range"
	 "; expected a duration from 1us to 1h such as 2.5ms"},
	{"buckets out of order", INTERFACE "latency: {buckets: [1ms, 5ms, 2.5ms]}\n",
	 "f:2: latency.buckets[2]: \"2.5ms\" is not longer than the one before it, 5ms"
	 "; expected ascending durations"},
	{"a bucket twice", INTERFACE "latency: {buckets: [1s, 1000ms]}\n",
	 "f:2: latency.buckets[1]: \"1000ms\" is not longer than the one before it, 1s"
	 "; expected ascending durations"},
	{"latency of what has no flows",
	 INTERFACE "services:\n  - {name: ping, match: [icmp, icmpv6], latency: true}\n",
	 "f:3: services[0].latency: is true, but only TCP and UDP are followed, and service `ping`"
	 " matches neither; expected false"},
	{"flows too few", INTERFACE "table: {flows: 7}\n",
	 "f:2: table.flows: \"7\" is out of range; expected a number from 8 to 16777216"},
	{"flows too many", INTERFACE "table: {flows: 16777217}\n",
	 "f:2: table.flows: \"16777217\" is out of range; expected a number from 8 to 16777216"},
	{"escalate", INTERFACE SERVICE "    escalate: {}\n",
	 "f:5: services[0].escalate: not supported by this version of weir"
	 "; expected no such field"},
	{"undefined variable", INTERFACE "node: ${WEIR_TEST_UNSET}\n",
	 "f:2: node: environment variable \"WEIR_TEST_UNSET\" is not set"
	 "; expected it set, or ${WEIR_TEST_UNSET:-default}"},
	{"single dollar", INTERFACE "node: a$b\n",
	 "f:2: node: a single $; expected $$ for a $, or ${NAME} (quoted inside {} and [])"},
	{"dollar at the end", INTERFACE "node: a$\n",
	 "f:2: node: a single $; expected $$ for a $, or ${NAME} (quoted inside {} and [])"},
	{"no name", INTERFACE "node: ${}\n",
	 "f:2: node: a ${ that begins no variable"
	 "; expected ${NAME} or ${NAME:-default} ($$ for a $)"},
	{"no end", INTERFACE "node: ${HOME\n",
	 "f:2: node: a ${ that begins no variable"
	 "; expected ${NAME} or ${NAME:-default} ($$ for a $)"},
	{"odd name", INTERFACE "node: ${A-B}\n",
	 "f:2: node: a ${ that begins no variable"
	 "; expected ${NAME} or ${NAME:-default} ($$ for a $)"},
	{"default empty", INTERFACE "node: ${WEIR_TEST_UNSET:-}\n",
	 "f:2: node: \"\" is not a node name; expected 1 to 253 printable characters"},
	{"expanded is checked", INTERFACE "table: {clients: '${WEIR_TEST_WORD}'}\n",
	 "f:2: table.clients: \"many\" is not a whole number"
	 "; expected a number from 1024 to 134217728"},
	{"unprintable", INTERFACE "node: ${WEIR_TEST_BELL}\n",
	 "f:2: node: environment variable \"WEIR_TEST_BELL\" is not plain text"
	 "; expected printable ASCII"},
};
