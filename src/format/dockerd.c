/* SPDX-License-Identifier: Apache-2.0 */
/* The table of dockerd's options, and its command line. See uns/dockerd.h; values are in dockerd-value.c. */
#include "uns/dockerd.h"

#include <stdint.h>
#include <string.h>

#define ROW(key, flag, letter, type, rule, reload, since, until)                                                                   \
	{                                                                                                                          \
		key, flag, letter, UNS_DOCKERD_##type, UNS_RULE_##rule, UNS_RELOAD_##reload, since, until, NULL, 0                 \
	}
/* The same, for a flag that came later than its key. */
#define LATE(key, flag, type, rule, reload, flag_since)                                                                            \
	{                                                                                                                          \
		key, flag, 0, UNS_DOCKERD_##type, UNS_RULE_##rule, UNS_RELOAD_##reload, 0, 0, NULL, flag_since                     \
	}
/* The same, for a key that SIGHUP sets: with the value of an engine that was given none. */
#define LIVE(key, flag, letter, type, rule, since, until, initial)                                                                 \
	{                                                                                                                          \
		key, flag, letter, UNS_DOCKERD_##type, UNS_RULE_##rule, UNS_RELOAD_SET, since, until, initial, 0                   \
	}

/* clang-format off */
const struct uns_dockerd_option uns_dockerd_options[] = {
	ROW("allow-direct-routing", "allow-direct-routing", 0, BOOL, NONE, NO, 28, 0),
	LIVE("allow-nondistributable-artifacts", "allow-nondistributable-artifacts", 0, LIST, INDEX, 0, 28, "[]"),
	ROW("api-cors-header", "api-cors-header", 0, STRING, NONE, NO, 0, 28),
	ROW("authorization-plugins", "authorization-plugin", 0, LIST, NONE, ALWAYS, 0, 0),
	ROW("bip", "bip", 0, STRING, NONE, NO, 0, 0),
	ROW("bip6", "bip6", 0, STRING, NONE, NO, 28, 0),
	ROW("bridge", "bridge", 'b', STRING, NONE, NO, 0, 0),
	ROW("bridge-accept-fwmark", "bridge-accept-fwmark", 0, STRING, NONE, NO, 29, 0),
	ROW("builder", NULL, 0, ANY, NONE, NO, 0, 0),
	ROW("cdi-spec-dirs", "cdi-spec-dir", 0, LIST, NONE, NO, 25, 0),
	ROW("cgroup-parent", "cgroup-parent", 0, STRING, NONE, NO, 0, 0),
	ROW("cluster-advertise", "cluster-advertise", 0, STRING, NONE, NO, 0, 23),
	ROW("cluster-store", "cluster-store", 0, STRING, NONE, NO, 0, 23),
	ROW("cluster-store-opts", "cluster-store-opt", 0, MAP, NONE, NO, 0, 23),
	ROW("containerd", "containerd", 0, STRING, NONE, NO, 0, 0),
	ROW("containerd-namespace", "containerd-namespace", 0, STRING, NONE, NO, 0, 0),
	ROW("cpu-rt-period", "cpu-rt-period", 0, INT, NONE, NO, 0, 0),
	ROW("cpu-rt-runtime", "cpu-rt-runtime", 0, INT, NONE, NO, 0, 0),
	ROW("cri-containerd", "cri-containerd", 0, BOOL, NONE, NO, 0, 0),
	ROW("data-root", "data-root", 0, STRING, NONE, NO, 0, 0),
	LIVE("debug", "debug", 'D', BOOL, NONE, 0, 0, "false"),
	ROW("default-address-pools", "default-address-pool", 0, POOLS, NONE, NO, 0, 0),
	LIVE("default-cgroupns-mode", "default-cgroupns-mode", 0, STRING, CGROUPNS, 20, 0, NULL),
	ROW("default-gateway", "default-gateway", 0, IP, ADDRESS, NO, 0, 0),
	ROW("default-gateway-v6", "default-gateway-v6", 0, IP, ADDRESS, NO, 0, 0),
	LIVE("default-ipc-mode", "default-ipc-mode", 0, STRING, IPC, 0, 0, "\"private\""),
	ROW("default-network-opts", "default-network-opt", 0, OBJECTS, NONE, NO, 24, 0),
	LIVE("default-runtime", "default-runtime", 0, STRING, NONE, 0, 0, "\"runc\""),
	LIVE("default-shm-size", "default-shm-size", 0, SIZE, NONE, 0, 0, "\"64m\""),
	LIVE("default-stop-timeout", "default-stop-timeout", 0, INT, NATURAL, 29, 0, "10"),
	ROW("default-ulimits", "default-ulimit", 0, OBJECTS, NONE, NO, 0, 0),
	ROW("deprecated-key-path", NULL, 0, STRING, NONE, NO, 0, 0),
	ROW("dns", "dns", 0, LIST, ADDRESS, NO, 0, 0),
	ROW("dns-opts", "dns-opt", 0, LIST, NONE, NO, 0, 0),
	ROW("dns-search", "dns-search", 0, LIST, DOMAIN, NO, 0, 0),
	ROW("exec-opts", "exec-opt", 0, LIST, NONE, NO, 0, 0),
	ROW("exec-root", "exec-root", 0, STRING, NONE, NO, 0, 0),
	ROW("experimental", "experimental", 0, BOOL, NONE, NO, 0, 0),
	LATE("features", "feature", BOOLS, NONE, ALWAYS, 28),
	ROW("firewall-backend", "firewall-backend", 0, STRING, NONE, NO, 29, 0),
	ROW("fixed-cidr", "fixed-cidr", 0, STRING, NONE, NO, 0, 0),
	ROW("fixed-cidr-v6", "fixed-cidr-v6", 0, STRING, NONE, NO, 0, 0),
	ROW("graph", "graph", 'g', STRING, NONE, NO, 0, 23),
	ROW("group", "group", 'G', STRING, NONE, NO, 0, 0),
	ROW("host-gateway-ip", "host-gateway-ip", 0, IP, ADDRESS, NO, 20, 0),
	ROW("host-gateway-ips", "host-gateway-ip", 0, LIST, ADDRESS, NO, 28, 0),
	ROW("hosts", "host", 'H', LIST, HOST, NO, 0, 0),
	ROW("icc", "icc", 0, BOOL, NONE, NO, 0, 0),
	ROW("init", "init", 0, BOOL, NONE, NO, 0, 0),
	ROW("init-path", "init-path", 0, STRING, NONE, NO, 0, 0),
	LIVE("insecure-registries", "insecure-registry", 0, LIST, INDEX, 0, 0, "[]"),
	ROW("ip", "ip", 0, IP, ADDRESS, NO, 0, 0),
	ROW("ip-forward", "ip-forward", 0, BOOL, NONE, NO, 0, 0),
	ROW("ip-forward-no-drop", "ip-forward-no-drop", 0, BOOL, NONE, NO, 28, 0),
	ROW("ip-masq", "ip-masq", 0, BOOL, NONE, NO, 0, 0),
	ROW("ip6tables", "ip6tables", 0, BOOL, NONE, NO, 20, 0),
	ROW("iptables", "iptables", 0, BOOL, NONE, NO, 0, 0),
	ROW("ipv6", "ipv6", 0, BOOL, NONE, NO, 0, 0),
	LIVE("labels", "label", 0, LIST, LABEL, 0, 0, "[]"),
	LIVE("live-restore", "live-restore", 0, BOOL, NONE, 0, 0, "false"),
	ROW("log-driver", "log-driver", 0, STRING, NONE, NO, 0, 0),
	ROW("log-format", "log-format", 0, STRING, NONE, NO, 25, 0),
	ROW("log-level", "log-level", 'l', STRING, LOG_LEVEL, NO, 0, 0),
	ROW("log-opts", "log-opt", 0, MAP, NONE, NO, 0, 0),
	ROW("max-concurrent-downloads", "max-concurrent-downloads", 0, INT, NATURAL, ALWAYS, 0, 0),
	ROW("max-concurrent-uploads", "max-concurrent-uploads", 0, INT, NATURAL, ALWAYS, 0, 0),
	ROW("max-download-attempts", "max-download-attempts", 0, INT, NATURAL, ALWAYS, 20, 0),
	ROW("metrics-addr", "metrics-addr", 0, STRING, NONE, NO, 0, 0),
	ROW("min-api-version", NULL, 0, STRING, NONE, NO, 29, 0),
	ROW("mtu", "mtu", 0, INT, NONE, NO, 0, 0),
	ROW("network-control-plane-mtu", "network-control-plane-mtu", 0, INT, NONE, NO, 0, 0),
	ROW("network-diagnostic-port", "network-diagnostic-port", 0, INT, NATURAL, ALWAYS, 0, 0),
	ROW("no-new-privileges", "no-new-privileges", 0, BOOL, NONE, NO, 0, 0),
	ROW("node-generic-resources", "node-generic-resource", 0, LIST, NONE, NO, 0, 0),
	ROW("nri-opts", "nri-opts", 0, ANY, NONE, ALWAYS, 29, 0),
	ROW("oom-score-adjust", "oom-score-adjust", 0, INT, NONE, NO, 0, 25),
	ROW("pidfile", "pidfile", 'p', STRING, NONE, NO, 0, 0),
	ROW("proxies", NULL, 0, ANY, NONE, NO, 23, 0),
	ROW("raw-logs", "raw-logs", 0, BOOL, NONE, NO, 0, 0),
	LIVE("registry-mirrors", "registry-mirror", 0, LIST, MIRROR, 0, 0, "[]"),
	ROW("rootless", "rootless", 0, BOOL, NONE, NO, 0, 0),
	LIVE("runtimes", "add-runtime", 0, OBJECTS, NONE, 0, 0, "{}"),
	ROW("seccomp-profile", "seccomp-profile", 0, STRING, NONE, NO, 0, 0),
	ROW("selinux-enabled", "selinux-enabled", 0, BOOL, NONE, NO, 0, 0),
	LIVE("shutdown-timeout", "shutdown-timeout", 0, INT, NONE, 0, 0, "15"),
	ROW("storage-driver", "storage-driver", 's', STRING, NONE, NO, 0, 0),
	ROW("storage-opts", "storage-opt", 0, LIST, NONE, NO, 0, 0),
	ROW("swarm-default-advertise-addr", "swarm-default-advertise-addr", 0, STRING, NONE, NO, 0, 0),
	ROW("tls", "tls", 0, BOOL, NONE, NO, 0, 0),
	ROW("tlscacert", "tlscacert", 0, STRING, NONE, NO, 0, 0),
	ROW("tlscert", "tlscert", 0, STRING, NONE, NO, 0, 0),
	ROW("tlskey", "tlskey", 0, STRING, NONE, NO, 0, 0),
	ROW("tlsverify", "tlsverify", 0, BOOL, NONE, NO, 0, 0),
	ROW("userland-proxy", "userland-proxy", 0, BOOL, NONE, NO, 0, 0),
	ROW("userland-proxy-path", "userland-proxy-path", 0, STRING, NONE, NO, 0, 0),
	ROW("userns-remap", "userns-remap", 0, STRING, NONE, NO, 0, 0),
	/* Flags whose name daemon.json may have too, without any effect there. */
	ROW(NULL, "config-file", 0, STRING, NONE, NO, 0, 0),
	ROW(NULL, "containerd-plugins-namespace", 0, STRING, NONE, NO, 0, 0),
	ROW(NULL, "help", 'h', BOOL, NONE, NO, 0, 0),
	ROW(NULL, "http-proxy", 0, STRING, NONE, NO, 23, 0),
	ROW(NULL, "https-proxy", 0, STRING, NONE, NO, 23, 0),
	ROW(NULL, "no-proxy", 0, STRING, NONE, NO, 23, 0),
	ROW(NULL, "restart", 'r', BOOL, NONE, NO, 0, 0),
	ROW(NULL, "validate", 0, BOOL, NONE, NO, 23, 0),
	ROW(NULL, "version", 'v', BOOL, NONE, NO, 0, 0),
	/* Of Red Hat's own build (docker 1.13 of RHEL and CentOS 7). */
	ROW(NULL, "add-registry", 0, LIST, NONE, NO, 0, 1),
	ROW(NULL, "block-registry", 0, LIST, NONE, NO, 0, 1),
	ROW(NULL, "signature-verification", 0, BOOL, NONE, NO, 0, 1),
};
/* clang-format on */
const size_t uns_dockerd_options_n = sizeof(uns_dockerd_options) / sizeof(uns_dockerd_options[0]);

const struct uns_dockerd_option *uns_dockerd_key(const char *key)
{
	for (size_t i = 0; i < uns_dockerd_options_n; i++)
		if (uns_dockerd_options[i].key && strcmp(uns_dockerd_options[i].key, key) == 0)
			return &uns_dockerd_options[i];
	return NULL;
}

const struct uns_dockerd_option *uns_dockerd_flag(const char *flag, size_t len)
{
	for (size_t i = 0; i < uns_dockerd_options_n; i++) {
		const char *f = uns_dockerd_options[i].flag;

		if (f && strlen(f) == len && memcmp(f, flag, len) == 0)
			return &uns_dockerd_options[i];
	}
	return NULL;
}

const struct uns_dockerd_option *uns_dockerd_find(const char *name)
{
	const struct uns_dockerd_option *o = uns_dockerd_key(name);

	return o ? o : uns_dockerd_flag(name, strlen(name));
}

bool uns_dockerd_has(const struct uns_dockerd_option *o, unsigned major)
{
	return major == 0 || (major >= o->since && (!o->until || major <= o->until));
}

bool uns_dockerd_has_flag(const struct uns_dockerd_option *o, unsigned major)
{
	return o->flag && uns_dockerd_has(o, major) && (major == 0 || major >= o->flag_since);
}

const char *uns_dockerd_type_name(enum uns_dockerd_type type)
{
	static const char *const names[] = {
	    [UNS_DOCKERD_BOOL] = "true or false",
	    [UNS_DOCKERD_INT] = "a whole number",
	    [UNS_DOCKERD_STRING] = "a string",
	    [UNS_DOCKERD_LIST] = "a list of strings",
	    [UNS_DOCKERD_MAP] = "an object of strings",
	    [UNS_DOCKERD_SIZE] = "a size as a string (\"64m\")",
	    [UNS_DOCKERD_IP] = "an IP address as a string",
	    [UNS_DOCKERD_OBJECTS] = "an object of objects",
	    [UNS_DOCKERD_BOOLS] = "an object of true and false",
	    [UNS_DOCKERD_POOLS] = "a list of objects",
	    [UNS_DOCKERD_ANY] = "an object",
	};

	return names[type];
}

/* ---- the command line ---- */

static const struct uns_dockerd_option *find_letter(char letter)
{
	for (size_t i = 0; i < uns_dockerd_options_n; i++)
		if (uns_dockerd_options[i].letter == letter)
			return &uns_dockerd_options[i];
	return NULL;
}

static bool is_bool(const struct uns_dockerd_use *u)
{
	return u->option && u->option->type == UNS_DOCKERD_BOOL;
}

static void value_in_word(struct uns_dockerd_use *u, const char *word, size_t at)
{
	u->value = word + at;
	u->value_word = u->at;
	u->value_at = at;
}

static void stands_alone(struct uns_dockerd_use *u)
{
	u->value = "true";
	u->value_word = u->at;
	u->value_at = SIZE_MAX;
}

static void value_in_next(char *const argv[], size_t argc, struct uns_dockerd_use *u)
{
	size_t next = u->at + 1;

	if (!u->option && (next >= argc || argv[next][0] == '-')) {
		stands_alone(u);
		return;
	}
	if (next >= argc) {
		u->value = NULL;
		return;
	}
	u->value = argv[next];
	u->value_word = next;
	u->value_at = 0;
	u->words = 2;
}

static void read_long(char *const argv[], size_t argc, struct uns_dockerd_use *u)
{
	const char *word = argv[u->at];

	u->name = word + 2;
	u->name_len = strcspn(u->name, "=");
	u->option = uns_dockerd_flag(u->name, u->name_len);
	if (u->name[u->name_len] == '=')
		value_in_word(u, word, 2 + u->name_len + 1);
	else if (is_bool(u))
		stands_alone(u);
	else
		value_in_next(argv, argc, u);
}

/* At letter [at] of "-abc": bool letters may be followed by others, any other takes the rest or the next word. */
static void read_letter(char *const argv[], size_t argc, size_t at, struct uns_dockerd_use *u)
{
	const char *word = argv[u->at];

	u->name = word + at;
	u->name_len = 1;
	u->option = find_letter(word[at]);
	u->next_in_word = 0;
	if (word[at + 1] == '=' && word[at + 2]) {
		value_in_word(u, word, at + 2);
	} else if (is_bool(u)) {
		stands_alone(u);
		if (word[at + 1])
			u->next_in_word = at + 1;
	} else if (word[at + 1]) {
		value_in_word(u, word, at + 1);
	} else {
		value_in_next(argv, argc, u);
	}
}

static void operand(char *const argv[], struct uns_dockerd_use *u)
{
	u->what = UNS_USE_OPERAND;
	u->name = argv[u->at];
	u->name_len = strlen(u->name);
	u->value = u->name;
	u->option = NULL;
	u->value_word = u->at;
	u->value_at = 0;
}

bool uns_dockerd_next(char *const argv[], size_t argc, struct uns_dockerd_use *u)
{
	size_t letter = u->next_in_word;
	bool ended = u->what == UNS_USE_OPERAND && u->name && strcmp(u->name, "--") == 0;
	const char *word;

	if (!letter) {
		u->at += u->words;
		u->words = 1;
	}
	if (u->at >= argc || ended)
		return false;
	word = argv[u->at];
	u->what = UNS_USE_FLAG;
	if (letter)
		read_letter(argv, argc, letter, u);
	else if (word[0] != '-' || !word[1] || strcmp(word, "--") == 0)
		operand(argv, u);
	else if (word[1] == '-')
		read_long(argv, argc, u);
	else
		read_letter(argv, argc, 1, u);
	return true;
}
