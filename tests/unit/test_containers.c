/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of containers: one row for each rule, and one beside it to which the rule does not apply. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/container.h"
#include "uns/facts.h"
#include "uns/finding.h"
#include "uns/idmap.h"
#include "uns/json.h"
#include "uns/plan.h"
#include "uns/report.h"
#include "uns/syspath.h"

static const struct uns_shift shift = {{524288, 65536}, {524288, 65536}};

#define S(text) ((char[]){text})

/* Sorted by path, as they are read. */
static struct uns_closed etc_closed[] = {{S("shadow"), 0, 42, 0100640}};
static struct uns_closed inner_closed[] = {{S("disk"), 0, 6, 0060660}, {S("secret"), 0, 0, 0100600}};
static struct uns_closed wide_closed[] = {{S("db"), 0, 0, 0100644}};
static struct uns_closed of_1000_closed[] = {{S("key"), 1000, 1000, 0100600}};
static struct uns_closed socket_closed[] = {{S("app.sock"), 0, 0, 0140664}};
static struct uns_closed node_closed[] = {{S("disk"), 0, 6, 0060660}};
#define SAME(name) .path = S(name), .real = S(name), .there = true
#define LINK(name, to) .path = S(name), .real = S(to), .there = true
static struct uns_hostpath paths[] = {
    {SAME("/"), .mode = 0040755},
    {LINK("//etc", "/etc"), .mode = 0040755},
    {SAME("/dev/bus"), .mode = 0040755},
    {SAME("/dev/closed"), .mode = 0020660, .gid = 6},
    {SAME("/dev/open"), .mode = 0020666, .dev_major = 1, .dev_minor = 3},
    {SAME("/etc"), .mode = 0040755, .closed = etc_closed, .closeds = 1},
    {SAME("/home/alice"), .mode = 0040755, .uid = 1000, .gid = 1000},
    {SAME("/home/alice/.ssh"), .mode = 0040700, .uid = 1000, .gid = 1000},
    {SAME("/home/alice/site"), .mode = 0040700, .uid = 1000, .gid = 1000},
    {SAME("/nix/store"), .mode = 0041775, .gid = 30000},
    {SAME("/proc"), .mode = 0040555},
    {SAME("/run/docker.sock"), .mode = 0140660, .gid = 999},
    {SAME("/run/open.sock"), .mode = 0140666},
    {LINK("/srv/../etc", "/etc"), .mode = 0040755},
    {SAME("/srv/cards"), .mode = 0040755, .devices = true},
    {LINK("/srv/conf", "/etc"), .mode = 0040755},
    {SAME("/srv/file"), .mode = 0100644},
    {.path = S("/srv/gone"), .there = false},
    {SAME("/srv/group"), .mode = 0100640, .gid = 4000},
    {SAME("/srv/home"), .mode = 0040700, .uid = 1000, .gid = 1000},
    {SAME("/srv/inner"), .mode = 0040755, .closed = inner_closed, .closeds = 2},
    {SAME("/srv/it's"), .mode = 0040700},
    {SAME("/srv/nodes"), .mode = 0040755, .closed = node_closed, .closeds = 1, .devices = true},
    {SAME("/srv/of-1000"), .mode = 0040755, .uid = 1000, .gid = 1000},
    {SAME("/srv/open"), .mode = 0040755},
    {SAME("/srv/plug/all"), .mode = 0040777},
    {SAME("/srv/plug/empty"), .mode = 0040777, .empty = true},
    {SAME("/srv/root-group"), .mode = 0040750},
    {SAME("/srv/shifted"), .mode = 0040700, .uid = 524288, .gid = 524288},
    {SAME("/srv/shifted-1000"), .mode = 0040700, .uid = 525288, .gid = 525288},
    {SAME("/srv/sticky"), .mode = 0041777},
    {SAME("/srv/video"), .mode = 0040750, .gid = 44},
    {SAME("/srv/video-shifted"), .mode = 0040750, .uid = 524288, .gid = 524332},
    {SAME("/srv/wide"), .mode = 0040777, .closed = wide_closed, .closeds = 1},
    {SAME("/srv/wide-1000"), .mode = 0040777, .closed = of_1000_closed, .closeds = 1},
    {SAME("/srv/wide-socket"), .mode = 0040777, .closed = socket_closed, .closeds = 1},
    {SAME("/srv/wide-sticky"), .mode = 0041777, .closed = wide_closed, .closeds = 1},
    {LINK("/srv/www", "/srv/open"), .mode = 0040755},
    {SAME("/var/lib/apt"), .mode = 0040755},
    {SAME("/var/lib/postgresql"), .mode = 0040755},
};

#define BIND(path, rw) "{\"/b\":{\"Type\":\"bind\",\"Source\":\"" path "\",\"RW\":" #rw "}}"
#define PLUGIN(path) "{\"/b\":{\"Type\":\"volume\",\"Name\":\"any\",\"Driver\":\"rexray\",\"Source\":\"" path "\",\"RW\":true}}"
#define VOLUME(name, driver) "{\"/b\":{\"Type\":\"volume\",\"Name\":\"" name "\",\"Driver\":\"" driver "\",\"Source\":\"/x\",\"RW\":true}}"

#define BACKUP "{\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"DAC_READ_SEARCH\"]}"

static const struct {
	const char *host, *mounts; /* hostconfig.json, MountPoints */
	uint32_t uid;
	enum uns_fate fate;
	const char *checks, *remedy; /* ids of the reasons; the first remedy, where it matters */
} rows[] = {
    {"{}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"ReadonlyRootfs\":true,\"UTSMode\":\"host\",\"CgroupnsMode\":\"host\",\"OomScoreAdj\":-500}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"80\"}]},\"SecurityOpt\":[\"no-new-privileges\"]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"SecurityOpt\":[\"writable-cgroups=true\"]}", NULL, 0, UNS_FATE_HOST, "ContainerWillNotStart", NULL},
    /* capabilities */
    {"{\"CapAdd\":[\"CAP_SYS_TIME\"]}", NULL, 0, UNS_FATE_HOST, "ContainerCapability", NULL},
    {"{\"CapAdd\":[\"mknod\",\"SYSLOG\"]}", NULL, 0, UNS_FATE_HOST, "ContainerCapability ContainerCapability", NULL},
    {"{\"CapAdd\":[\"NET_RAW\",\"SYS_PTRACE\",\"CHOWN\"]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"CapAdd\":[\"NET_ADMIN\",\"SYS_BOOT\",\"CHECKPOINT_RESTORE\"]}", NULL, 0, UNS_FATE_WORKS, "ContainerCapability ContainerCapability ContainerCapability", NULL},
    {"{\"CapAdd\":[\"CAP_LEASE\"]}", NULL, 0, UNS_FATE_HOST, "ContainerCapability", NULL},
    {"{\"CapAdd\":[\"IPC_LOCK\"]}", NULL, 0, UNS_FATE_HOST, "ContainerCapability", NULL},
    {"{\"CapAdd\":[\"IPC_LOCK\"],\"Ulimits\":[{\"Name\":\"memlock\",\"Hard\":-1,\"Soft\":-1}]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"CapAdd\":[\"IPC_LOCK\"],\"Ulimits\":[{\"Name\":\"nofile\",\"Hard\":9,\"Soft\":9}]}", NULL, 0, UNS_FATE_HOST, "ContainerCapability", NULL},
    {"{\"CapAdd\":[\"SYS_ADMIN\"]}", NULL, 0, UNS_FATE_WORKS, "ContainerCapability", NULL},
    {"{\"CapAdd\":[\"ALL\"]}", NULL, 0, UNS_FATE_WORKS, "ContainerCapability", NULL},
    /* IDs */
    {"{}", NULL, 70000, UNS_FATE_HOST, "ContainerIdOutside", "usernsctl enable docker --range=524288:131072"},
    {"{}", NULL, 65535, UNS_FATE_WORKS, "", NULL},
    {"{\"GroupAdd\":[\"70000\",\"dialout\"]}", NULL, 0, UNS_FATE_HOST, "ContainerIdOutside", NULL},
    {"{\"Tmpfs\":{\"/t\":\"rw,uid=70000,gid=1\"}}", NULL, 0, UNS_FATE_HOST, "ContainerIdOutside", NULL},
    {"{\"Tmpfs\":{\"/t\":\"rw,uid=65535,size=1m\"}}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"Tmpfs\":{\"/t\":\"uid=4294967295\"}}", NULL, 0, UNS_FATE_HOST, "ContainerIdOutside",
     "create it anew with an ID that the range holds, or with --userns=host"},
    /* mounts of the host */
    {"{}", BIND("/srv/open", false), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/open", true), 0, UNS_FATE_SHIFT, "ContainerBind", "after the switch: usernsctl shift --user=dockremap /srv/open"},
    {"{}", BIND("/srv/open", true), 1000, UNS_FATE_WORKS, "", NULL}, /* could not write there before either */
    {"{\"CapDrop\":[\"ALL\"]}", BIND("/srv/open", true), 0, UNS_FATE_SHIFT, "ContainerBind", NULL}, /* as its owner */
    {"{\"CapDrop\":[\"ALL\"]}", BIND("/srv/of-1000", true), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/of-1000", true), 1000, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/srv/of-1000", false), 1000, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/file", true), 0, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/srv/group", false), 1000, UNS_FATE_WORKS, "", NULL},
    {"{\"GroupAdd\":[\"4000\"]}", BIND("/srv/group", false), 1000, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/srv/sticky", true), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/gone", true), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/inner", false), 0, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/srv/inner", false), 1000, UNS_FATE_WORKS, "", NULL},
    {"{\"GroupAdd\":[\"video\"]}", BIND("/srv/video", false), 1000, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{\"GroupAdd\":[\"45\"]}", BIND("/srv/video", false), 1000, UNS_FATE_WORKS, "", NULL},
    {"{\"GroupAdd\":[\"video\"]}", BIND("/srv/root-group", false), 1000, UNS_FATE_WORKS, "", NULL},
    {"{\"GroupAdd\":[\"root\"]}", BIND("/srv/root-group", false), 1000, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{\"GroupAdd\":[\"video\"]}", BIND("/srv/video-shifted", false), 1000, UNS_FATE_WORKS, "", NULL},
    /* a directory that is open, and what is in it is not */
    {"{}", BIND("/srv/wide", true), 0, UNS_FATE_SHIFT, "ContainerBind", "after the switch: usernsctl shift --user=dockremap /srv/wide"},
    {"{}", BIND("/srv/wide", false), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/wide", true), 1000, UNS_FATE_WORKS, "", NULL}, /* could not write it before either */
    {"{}", BIND("/srv/wide-1000", true), 1000, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/srv/wide-socket", false), 0, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/srv/wide-sticky", true), 0, UNS_FATE_WORKS, "", NULL}, /* where everybody has files of his own */
    {"{}", VOLUME("bind-wide", "local"), 0, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", PLUGIN("/srv/wide"), 0, UNS_FATE_HOST, "ContainerVolume", NULL},
    /* a root that reads all, and writes what is its own */
    {BACKUP, BIND("/srv/home", false), 0, UNS_FATE_SHIFT, "ContainerCapability ContainerBind", NULL},
    {BACKUP, BIND("/srv/wide-1000", false), 0, UNS_FATE_SHIFT, "ContainerCapability ContainerBind", NULL},
    {BACKUP, BIND("/srv/wide", true), 0, UNS_FATE_SHIFT, "ContainerCapability ContainerBind", NULL}, /* as its owner */
    {BACKUP, BIND("/srv/of-1000", true), 0, UNS_FATE_WORKS, "ContainerCapability", NULL},
    {BACKUP, BIND("/srv/shifted-1000", false), 0, UNS_FATE_WORKS, "ContainerCapability", NULL},
    {BACKUP, BIND("/srv/home", false), 33, UNS_FATE_WORKS, "ContainerCapability", NULL},
    {"{\"CapDrop\":[\"DAC_OVERRIDE\"]}", BIND("/srv/home", false), 0, UNS_FATE_WORKS, "", NULL}, /* is not given unasked */
    {"{\"CapAdd\":[\"ALL\"],\"CapDrop\":[\"DAC_OVERRIDE\",\"DAC_READ_SEARCH\"]}", BIND("/srv/home", false), 0, UNS_FATE_WORKS, "ContainerCapability", NULL},
    {"{\"CapAdd\":[\"ALL\"],\"CapDrop\":[\"DAC_OVERRIDE\"]}", BIND("/srv/home", false), 0, UNS_FATE_SHIFT, "ContainerCapability ContainerBind", NULL},
    {"{}", BIND("/srv/nodes", false), 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"b 7:* rmw\"]}", BIND("/srv/nodes", false), 0, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/srv/it's", false), 0, UNS_FATE_SHIFT, "ContainerBind", "after the switch: usernsctl shift --user=dockremap '/srv/it'\\''s'"},
    {"{}", BIND("/srv/shifted", true), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/shifted-1000", true), 1000, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/shifted-1000", true), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/srv/conf", true), 0, UNS_FATE_HOST, "ContainerBind ContainerHostMount", "mount only what it needs and may read, or create it anew with --userns=host"},
    {"{}", BIND("/srv/../etc", true), 0, UNS_FATE_HOST, "ContainerBind ContainerHostMount", NULL},
    {"{}", BIND("//etc", true), 0, UNS_FATE_HOST, "ContainerBind ContainerHostMount", NULL},
    {"{}", BIND("/srv/www", true), 0, UNS_FATE_SHIFT, "ContainerBind", "after the switch: usernsctl shift --user=dockremap /srv/www"},
    {"{}", BIND("/home/alice/.ssh", true), 1000, UNS_FATE_HOST, "ContainerBind", NULL},
    {"{}", BIND("/home/alice/site", true), 1000, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/nix/store", true), 0, UNS_FATE_HOST, "ContainerBind", NULL},
    {"{}", BIND("/var/lib/apt", true), 0, UNS_FATE_HOST, "ContainerBind", NULL},
    {"{}", BIND("/var/lib/postgresql", true), 0, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/", false), 0, UNS_FATE_WORKS, "ContainerHostMount", NULL},
    {"{}", BIND("/proc", false), 0, UNS_FATE_WORKS, "ContainerHostMount", "mount only what it needs, and that read-only"},
    {"{}", VOLUME("etc", "local"), 33, UNS_FATE_WORKS, "ContainerHostMount", NULL},
    {"{\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"DAC_OVERRIDE\"]}", BIND("/srv/of-1000", true), 0, UNS_FATE_SHIFT, "ContainerBind", NULL},
    {"{}", BIND("/etc", false), 0, UNS_FATE_HOST, "ContainerBind ContainerHostMount", "mount only what it needs and may read, or create it anew with --userns=host"},
    {"{}", BIND("/etc", false), 33, UNS_FATE_WORKS, "ContainerHostMount", NULL},
    {"{}", BIND("/home/alice", true), 0, UNS_FATE_HOST, "ContainerBind", NULL},
    {"{}", BIND("/var/lib/docker", false), 0, UNS_FATE_NOT, "ContainerBind", "create it anew with /var/lib/docker/524288.524288 and --userns=host"},
    {"{}", BIND("/var/lib/docker/volumes/a/_data", true), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/run/docker.sock", false), 0, UNS_FATE_HOST, "ContainerSocket ContainerHostMount", NULL},
    {"{}", BIND("/run/open.sock", true), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", BIND("/dev/closed", true), 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"RestartPolicy\":{\"Name\":\"always\"}}", BIND("/srv/open", true), 0, UNS_FATE_SHIFT, "ContainerBind ContainerRestarts", NULL},
    {"{\"RestartPolicy\":{\"Name\":\"always\"}}", BIND("/srv/open", false), 0, UNS_FATE_WORKS, "", NULL},
    /* volumes */
    {"{}", VOLUME("plain", "local"), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", VOLUME("unknown", ""), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", VOLUME("any", "rexray"), 0, UNS_FATE_HOST, "ContainerVolume", NULL},
    {"{}", PLUGIN("/srv/open"), 0, UNS_FATE_HOST, "ContainerVolume", "ask its driver for files of the range's IDs, or create the container anew with --userns=host"},
    {"{}", PLUGIN("/srv/inner"), 0, UNS_FATE_HOST, "ContainerVolume", NULL},
    {"{}", PLUGIN("/srv/plug/all"), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", PLUGIN("/srv/plug/empty"), 0, UNS_FATE_HOST, "ContainerVolume", NULL},
    {"{}", PLUGIN("/srv/gone"), 0, UNS_FATE_HOST, "ContainerVolume", NULL},
    {"{}", PLUGIN("/srv/shifted"), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", PLUGIN("/srv/of-1000"), 1000, UNS_FATE_HOST, "ContainerVolume", NULL},
    {"{}", PLUGIN("/srv/of-1000"), 33, UNS_FATE_WORKS, "", NULL}, /* could not write there before either */
    {"{}", VOLUME("bind-ro", "local"), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", VOLUME("disk", "local"), 0, UNS_FATE_HOST, "ContainerVolume",
     "mount the device elsewhere and shift the files there (usernsctl shift), or create the container anew with --userns=host"},
    {"{}", VOLUME("overlay", "local"), 0, UNS_FATE_HOST, "ContainerVolume", "shift the files where they lie, or create the container anew with --userns=host"},
    {"{}", VOLUME("bind", "local"), 0, UNS_FATE_SHIFT, "ContainerBind", "after the switch: usernsctl shift --user=dockremap /srv/open"},
    {"{}", VOLUME("tmpfs", "local"), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", VOLUME("tmpfs-closed", "local"), 0, UNS_FATE_HOST, "ContainerVolume", "create the volume anew with uid=524288,gid=524288 among its options (o=)"},
    {"{}", VOLUME("nfs", "local"), 0, UNS_FATE_HOST, "ContainerVolume", "shift the files on the server, or create the container anew with --userns=host"},
    {"{}", VOLUME("cifs", "local"), 0, UNS_FATE_HOST, "ContainerVolume", NULL},
    {"{}", VOLUME("cifs-ours", "local"), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", VOLUME("cifs-1000", "local"), 1000, UNS_FATE_WORKS, "", NULL},
    {"{}", VOLUME("cifs-1000", "local"), 0, UNS_FATE_HOST, "ContainerVolume", "create the volume anew with uid=524288,gid=524288 among its options (o=), or the container with --userns=host"},
    {"{}", VOLUME("cifs-ours", "local"), 1000, UNS_FATE_HOST, "ContainerVolume", "create the volume anew with uid=525288,gid=525288 among its options (o=), or the container with --userns=host"},
    {"{}", VOLUME("cifs-both", "local"), 0, UNS_FATE_WORKS, "", NULL},
    {"{\"CapDrop\":[\"ALL\"]}", VOLUME("cifs-both", "local"), 0, UNS_FATE_HOST, "ContainerVolume", NULL},
    {"{}", VOLUME("iso-ours", "local"), 0, UNS_FATE_WORKS, "", NULL},
    {"{}", VOLUME("iso", "local"), 1000, UNS_FATE_HOST, "ContainerVolume", "create the volume anew with uid=525288,gid=525288 among its options (o=), or the container with --userns=host"},
    {"{}", VOLUME("9p", "local"), 0, UNS_FATE_HOST, "ContainerVolume", "shift the files on the server, or create the container anew with --userns=host"},
    {"{}", VOLUME("nfs-uid", "local"), 1000, UNS_FATE_HOST, "ContainerVolume", "shift the files on the server, or create the container anew with --userns=host"},
    {"{}", VOLUME("disk-uid", "local"), 0, UNS_FATE_HOST, "ContainerVolume", NULL},
    {"{}", VOLUME("squash", "local"), 0, UNS_FATE_HOST, "ContainerVolume", "make its image anew with files of the range's IDs, or create the container anew with --userns=host"},
    /* devices, sysctls, the rest */
    {"{\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"Devices\":[{\"PathOnHost\":\"/dev/closed\",\"PathInContainer\":\"/dev/closed\",\"CgroupPermissions\":\"r\"}]}", NULL, 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/x\",\"CgroupPermissions\":\"r\"}]}", NULL, 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"DeviceCgroupRules\":[\"c 10:* r\",\"c 1:5 rwm\"]}", NULL, 0, UNS_FATE_HOST, "ContainerDevice", "give it the devices by --device, or create it anew with --userns=host"},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rwm\"]}", BIND("/srv/open", false), 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rw\"]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rwm\"]}", NULL, 33, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rwm\"],\"CapDrop\":[\"MKNOD\"]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"a *:* rwm\"],\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\"}]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rwm\"],\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"DeviceCgroupRules\":[\"b 1:3 rwm\"],\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:3 rwm\"],\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:* m\"],\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c *:3 m\"],\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 10:* m\"],\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:35 m\"],\"Devices\":[{\"PathOnHost\":\"/dev/open\",\"PathInContainer\":\"/dev/open\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rwm\"],\"Devices\":[{\"PathOnHost\":\"/srv/gone\",\"PathInContainer\":\"/srv/gone\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rwm\"],\"Devices\":[{\"PathOnHost\":\"/srv/cards\",\"PathInContainer\":\"/srv/cards\",\"CgroupPermissions\":\"rwm\"}]}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rwm\"]}", BIND("/dev/open", false), 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:3 rwm\"]}", BIND("/dev/open", false), 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 189:* rwm\"]}", BIND("/dev/bus", false), 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceCgroupRules\":[\"c 1:5 rwm\"]}", VOLUME("cards", "local"), 0, UNS_FATE_WORKS, "", NULL},
    {"{\"DeviceRequests\":[{\"Driver\":\"\",\"Count\":-1}]}", NULL, 0, UNS_FATE_HOST, "ContainerDevice", NULL},
    {"{\"DeviceRequests\":null,\"Devices\":null,\"CapAdd\":null,\"Sysctls\":null}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"Sysctls\":{\"net.ipv6.route.gc_thresh\":\"1\"}}", NULL, 0, UNS_FATE_HOST, "ContainerWillNotStart", NULL},
    {"{\"Sysctls\":{\"net.core.somaxconn\":\"1\",\"kernel.shmmax\":\"1\"}}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"Runtime\":\"runc\"}", NULL, 0, UNS_FATE_WORKS, "", NULL},
    {"{\"Runtime\":\"kata\"}", NULL, 0, UNS_FATE_WORKS, "ContainerRuntime", NULL},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct uns_volume volumes[] = {
    {.name = S("plain")},
    {.name = S("etc"), .mounted_type = true, .type = S("none"), .device = S("/srv/conf"), .opts = S("bind")},
    {.name = S("bind"), .mounted_type = true, .type = S("none"), .device = S("/srv/open"), .opts = S("rw,bind")},
    {.name = S("bind-ro"), .mounted_type = true, .type = S("none"), .device = S("/srv/open"), .opts = S("bind,ro")},
    {.name = S("bind-wide"), .mounted_type = true, .type = S("none"), .device = S("/srv/wide"), .opts = S("bind")},
    {.name = S("disk"), .mounted_type = true, .type = S("ext4"), .device = S("/dev/closed"), .opts = S("")},
    {.name = S("overlay"), .mounted_type = true, .type = S("overlay"), .device = S("overlay"), .opts = S("lowerdir=/a:/b")},
    {.name = S("tmpfs"), .mounted_type = true, .type = S("tmpfs"), .device = S("tmpfs"), .opts = S("size=1m")},
    {.name = S("tmpfs-closed"), .mounted_type = true, .type = S("tmpfs"), .device = S("tmpfs"), .opts = S("size=1m,mode=0755")},
    {.name = S("nfs"), .mounted_type = true, .type = S("nfs4"), .device = S(":/x"), .opts = S("addr=1.2.3.4")},
    {.name = S("cifs"), .mounted_type = true, .type = S("cifs"), .device = S("//h/x"), .opts = S("uid=1000")},
    {.name = S("cifs-ours"), .mounted_type = true, .type = S("cifs"), .device = S("//h/x"), .opts = S("rw,uid=524288")},
    {.name = S("cifs-1000"), .mounted_type = true, .type = S("cifs"), .device = S("//h/x"), .opts = S("uid=525288")},
    {.name = S("cifs-both"), .mounted_type = true, .type = S("cifs"), .device = S("//h/x"), .opts = S("uid=525288,gid=525288")},
    {.name = S("iso"), .mounted_type = true, .type = S("iso9660"), .device = S("/dev/sr0"), .opts = S("ro")},
    {.name = S("iso-ours"), .mounted_type = true, .type = S("iso9660"), .device = S("/dev/sr0"), .opts = S("ro,uid=524288")},
    {.name = S("9p"), .mounted_type = true, .type = S("9p"), .device = S("x"), .opts = S("uid=524288")},
    {.name = S("nfs-uid"), .mounted_type = true, .type = S("nfs"), .device = S("h:/x"), .opts = S("uid=525288")},
    {.name = S("disk-uid"), .mounted_type = true, .type = S("ext4"), .device = S("/dev/x"), .opts = S("uid=524288")},
    {.name = S("squash"), .mounted_type = true, .type = S("squashfs"), .device = S("/dev/x"), .opts = S("")},
    {.name = S("cards"), .mounted_type = true, .type = S("none"), .device = S("/srv/cards"), .opts = S("bind,ro")},
};

static char data_root[] = "/var/lib/docker";
static struct uns_account accounts[] = {{S("alice"), 1000, 1000, S("/home/alice")}};

struct world {
	struct uns_facts f;
	struct uns_container c[ROWS];
	struct uns_verdicts l;
};

static json_t *parse(const char *text)
{
	json_t *j = text ? json_loads(text, 0, NULL) : NULL;

	assert_true(j || !text);
	return j;
}

static struct uns_container *add(struct world *w, const char *name, const char *host)
{
	struct uns_container *c = &w->c[w->f.flat.containers++];

	*c = (struct uns_container){.id = (char *)(uintptr_t)name, .name = (char *)(uintptr_t)name, .host = parse(host), .as = {.known = true}};
	return c;
}

static void make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->f.ids.users.v = accounts;
	w->f.ids.users.n = 1;
	w->f.data_root = data_root;
	w->f.hostpaths = (struct uns_hostpaths){paths, sizeof(paths) / sizeof(paths[0]), 6u << 16 | 18};
	w->f.flat.container = w->c;
	w->f.flat.volume = volumes;
	w->f.flat.volumes = sizeof(volumes) / sizeof(volumes[0]);
}

static void judge(struct world *w)
{
	struct uns_err err;

	uns_verdicts_done(&w->l);
	assert_int_equal(uns_containers_judge(&w->f, &w->f.flat, &shift, "dockremap", &w->l, &err), 0);
	assert_int_equal(w->l.n, w->f.flat.containers);
}

static void done(struct world *w)
{
	uns_verdicts_done(&w->l);
	for (size_t i = 0; i < w->f.flat.containers; i++) {
		json_decref(w->c[i].host);
		json_decref(w->c[i].mounts);
		uns_strs_done(&w->c[i].binds);
	}
}

static void assert_reasons(const struct uns_verdict *v, const char *checks)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < v->reasons; i++) {
		assert_int_equal(uns_buf_printf(&b, NULL, "%s%s", i ? " " : "", v->reason[i].check), 0);
		assert_non_null(uns_check_find(v->reason[i].check));
	}
	assert_string_equal(b.data ? b.data : "", checks);
}

/* As they are read. */
static void add_bind(struct uns_container *c)
{
	const json_t *m = json_object_get(c->mounts, "/b");

	if (strcmp(uns_json_str_or(m, "Type", ""), "bind") == 0)
		assert_int_equal(uns_strs_add(&c->binds, uns_json_str_or(m, "Source", ""), NULL), 0);
}

static void each_rule_has_its_fate(void **state)
{
	struct world w;

	(void)state;
	make(&w);
	for (size_t i = 0; i < ROWS; i++) {
		struct uns_container *c = add(&w, "row", rows[i].host);

		c->mounts = parse(rows[i].mounts);
		add_bind(c);
		c->as.uid = c->as.gid = rows[i].uid;
	}
	judge(&w);
	for (size_t i = 0; i < ROWS; i++) {
		const struct uns_verdict *v = &w.l.v[i];

		if (v->fate != rows[i].fate)
			print_error("row %zu: %s %s\n", i, rows[i].host, rows[i].mounts ? rows[i].mounts : "");
		assert_int_equal(v->fate, rows[i].fate);
		assert_reasons(v, rows[i].checks);
		if (rows[i].remedy)
			assert_string_equal(v->reason[0].remedy, rows[i].remedy);
	}
	done(&w);
}

/* The first that it loses, and what it can no longer do with it. */
static void what_is_lost_inside_is_named(void **state)
{
	static const struct {
		const char *mounts, *text;
	} ways[] = {
	    {BIND("/srv/wide", true), "it mounts /srv/wide from the host, and can no longer write db in it (owner 0:0, mode 644)"},
	    {BIND("/srv/inner", true), "it mounts /srv/inner from the host (owner 0:0, mode 755), and can no longer make files there"},
	    {BIND("/srv/inner", false), "it mounts /srv/inner from the host, and can no longer read secret in it (owner 0:0, mode 600)"},
	    {BIND("/srv/wide-socket", false), "it mounts /srv/wide-socket from the host, and can no longer connect to app.sock in it (owner 0:0, mode 664)"},
	};
	struct world w;

	(void)state;
	make(&w);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		add(&w, "row", "{}")->mounts = parse(ways[i].mounts);
	judge(&w);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_reasons(&w.l.v[i], "ContainerBind");
		assert_string_equal(w.l.v[i].reason[0].text, ways[i].text);
	}
	done(&w);
}

static void older_kernels_hide_more(void **state)
{
	struct world w;

	(void)state;
	make(&w);
	add(&w, "a", "{\"Sysctls\":{\"net.core.somaxconn\":\"1\"}}");
	w.f.hostpaths.kernel = 6u << 16 | 1;
	judge(&w);
	assert_int_equal(w.l.v[0].fate, UNS_FATE_HOST);
	w.f.hostpaths.kernel = 0; /* not known */
	judge(&w);
	assert_int_equal(w.l.v[0].fate, UNS_FATE_WORKS);
	done(&w);
}

static void who_joins_shares_the_fate(void **state)
{
	struct world w;
	struct uns_container *c;

	(void)state;
	make(&w);
	add(&w, "second", "{}")->network_mode = S("container:first"); /* before the one that it depends on */
	add(&w, "first", "{}")->pid_mode = S("container:privileged");
	add(&w, "privileged", "{}")->privileged = true;
	add(&w, "of-host", "{}")->ipc_mode = S("container:host");
	add(&w, "host", "{}")->userns_mode = S("host");
	add(&w, "of-plain", "{}")->network_mode = S("container:pla"); /* the beginning of an ID */
	add(&w, "plain", "{}");
	add(&w, "of-nobody", "{}")->network_mode = S("container:gone");
	add(&w, "of-itself", "{}")->network_mode = S("container:of-itself");
	c = add(&w, "host-user", "{}");
	c->userns_mode = S("host");
	c->as.uid = 1000;
	judge(&w);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(w.l.v[i].fate, UNS_FATE_HOST);
	assert_reasons(&w.l.v[0], "ContainerJoins");
	assert_string_equal(w.l.v[0].reason[0].what, "--network=container:first");
	assert_reasons(&w.l.v[2], "ContainerWillNotStart");
	for (size_t i = 4; i < 9; i++)
		assert_int_equal(w.l.v[i].fate, UNS_FATE_WORKS);
	assert_reasons(&w.l.v[4], "ContainerUsernsHost");
	assert_int_equal(w.l.v[9].fate, UNS_FATE_NOT);
	done(&w);
}

/* The files belong to the range: only a root that passes over permissions does as before. */
static void host_namespaces_need_a_root_with_all_powers(void **state)
{
	static const struct {
		const char *host;
		uint32_t uid;
		enum uns_fate fate;
		const char *why;
	} ways[] = {
	    {"{}", 0, UNS_FATE_WORKS, "its root still reaches them, but a program that drops root does not"},
	    {"{\"CapDrop\":[\"NET_RAW\"]}", 0, UNS_FATE_WORKS, "drops root"},
	    {"{\"CapDrop\":[\"ALL\"]}", 0, UNS_FATE_NOT, "its root was not left the capability to pass over that (DAC_OVERRIDE)"},
	    {"{\"CapDrop\":[\"CAP_DAC_OVERRIDE\"]}", 0, UNS_FATE_NOT, "DAC_OVERRIDE"},
	    {"{\"CapDrop\":[\"DAC_OVERRIDE\"],\"CapAdd\":[\"ALL\"]}", 0, UNS_FATE_NOT, "DAC_OVERRIDE"},
	    {"{\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"dac_override\"]}", 0, UNS_FATE_WORKS, "drops root"},
	    {"{}", 1000, UNS_FATE_NOT, "it is no root"},
	};
	static char mode[] = "host";
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	struct world w;

	(void)state;
	make(&w);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct uns_container *c = add(&w, "row", ways[i].host);

		c->userns_mode = mode;
		c->as.uid = ways[i].uid;
	}
	judge(&w);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_int_equal(w.l.v[i].fate, ways[i].fate);
		assert_reasons(&w.l.v[i], "ContainerUsernsHost");
		assert_non_null(strstr(w.l.v[i].reason[0].text, ways[i].why));
	}
	assert_int_equal(uns_report_containers(&w.l, false, &b, NULL), 0);
	assert_non_null(strstr(b.data, "row (--userns=host), row (--userns=host), row (--userns=host)\n"));
	done(&w);
}

static const struct {
	const char *path;
	bool systems, powerful;
} places[] = {
    {"/", true, true},                        {"/etc", true, true},
    {"/etc/passwd", true, false},             {"/etcetera", false, false},
    {"/proc/1", true, true},                  {"/sys/fs/cgroup", true, true},
    {"/srv", true, false},                    {"/srv/www", false, false},
    {"/home", true, false},                   {"/home/a", false, false},
    {"/home/a/.ssh/id", true, false},         {"/home/a/site/.git", false, false},
    {"/home/a/.local/share", true, false},    {"/home/a/.local/share/containers/storage", false, false},
    {"/home/.a", false, false},               {"/var/home/a/.ssh", true, false},
    {"/root/x", true, false},                 {"/nix/store/x", true, false},
    {"/var/lib", true, false},                {"/var/lib/dpkg/info", true, false},
    {"/var/lib/systemd", true, false},        {"/var/lib/systemdx", false, false},
    {"/var/lib/NetworkManager", true, false}, {"/var/lib/mysql", false, false},
    {"/var/log/x", true, false},              {"/opt/app", false, false},
};

static void the_systems_places_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (uns_path_is_systems(places[i].path) != places[i].systems || uns_path_is_powerful(places[i].path) != places[i].powerful)
			print_error("%s\n", places[i].path);
		assert_int_equal(uns_path_is_systems(places[i].path), places[i].systems);
		assert_int_equal(uns_path_is_powerful(places[i].path), places[i].powerful);
	}
}

static void a_name_that_nothing_resolves_may_be_the_owner(void **state)
{
	struct world w;
	struct uns_container *c;

	(void)state;
	make(&w);
	c = add(&w, "a", "{}");
	c->as.known = false;
	c->mounts = parse(BIND("/srv/of-1000", true));
	judge(&w);
	assert_int_equal(w.l.v[0].fate, UNS_FATE_SHIFT);
	done(&w);
}

static void the_table_fits(void **state)
{
	static const char *const names[] = {"a-container-with-a-long-name-00", "a-container-with-a-long-name-01", "c"};
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	uns_auto_free char *json = NULL;
	json_t *j;
	struct world w;

	(void)state;
	make(&w);
	add(&w, names[0], "{}");
	add(&w, names[1], "{}");
	add(&w, names[2], "{\"CapAdd\":[\"SYSLOG\",\"MKNOD\",\"BPF\"]}")->privileged = false;
	add(&w, "esc\033", "{}")->privileged = true;
	judge(&w);
	assert_int_equal(uns_report_containers(&w.l, false, &b, NULL), 0);
	assert_string_equal(b.data, "Containers that work unchanged: 2\n"
	                            "  a-container-with-a-long-name-00, a-container-with-a-long-name-01\n"
	                            "Containers that need --userns=host: 2\n"
	                            "  c     --cap-add=BPF, --cap-add=MKNOD, --cap-add=SYSLOG\n"
	                            "  esc\\x1b  --privileged\n");
	j = uns_report_containers_json(&w.l);
	json = j ? json_dumps(json_array_get(j, 3), JSON_COMPACT) : NULL;
	json_decref(j);
	assert_string_equal(json, "{\"name\":\"esc\\u001B\",\"id\":\"esc\\u001B\",\"verdict\":\"needs-userns-host\",\"reasons\":[{\"finding\":"
	                          "\"ContainerWillNotStart\",\"what\":\"--privileged\",\"reason\":\"it uses --privileged, which is not possible "
	                          "in a user namespace of its own\",\"remedy\":\"create it anew without that option, or with --userns=host where "
	                          "it must be\",\"command\":null}]}");
	done(&w);
}

static void estimate_is(const struct uns_estimate *e, const char *want)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	assert_int_equal(uns_report_estimate(e, &b, NULL), 0);
	assert_string_equal(b.data ? b.data : "", want);
}

/* From the time of the look, and only where owners change. */
static void the_time_is_estimated(void **state)
{
	struct uns_step step = {.kind = S("shift-tree")};
	struct uns_plan plan = {.v = &step, .n = 1}, other = {.n = 0};
	struct uns_facts f = {.have_census = true, .census_ms = 5250, .census = {.inodes = 303000, .bytes = 1200000000}};
	uns_auto_json json_t *j = NULL;
	struct uns_estimate e;

	(void)state;
	assert_false(uns_plan_estimate(&f, &other, &e));
	assert_true(uns_plan_estimate(&f, &plan, &e));
	assert_int_equal(e.seconds_min, 5);
	assert_int_equal(e.seconds_max, 64);
	estimate_is(&e, "The owners of 303000 files (1200 MB) change, which takes from 5 s to 64 s with the engine stopped.\n");
	f.census_cold = true;
	assert_true(uns_plan_estimate(&f, &plan, &e));
	estimate_is(&e, "The owners of 303000 files (1200 MB) change, which takes from 5 s to 16 s with the engine stopped.\n");
	e.bytes = UINT64_MAX;
	j = uns_report_estimate_json(&e);
	assert_true(json_integer_value(json_object_get(j, "bytes")) == INT64_MAX);
	f.census_ms = 2000;
	assert_true(uns_plan_estimate(&f, &plan, &e));
	estimate_is(&e, "");
	f.census_ms = 600000;
	assert_true(uns_plan_estimate(&f, &plan, &e));
	estimate_is(&e, "The owners of 303000 files (1200 MB) change, which takes from 10 min to 30 min with the engine stopped.\n");
	f.have_census = false;
	assert_false(uns_plan_estimate(&f, &plan, &e));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_rule_has_its_fate),
	    cmocka_unit_test(what_is_lost_inside_is_named),
	    cmocka_unit_test(older_kernels_hide_more),
	    cmocka_unit_test(who_joins_shares_the_fate),
	    cmocka_unit_test(host_namespaces_need_a_root_with_all_powers),
	    cmocka_unit_test(the_systems_places_are_known),
	    cmocka_unit_test(a_name_that_nothing_resolves_may_be_the_owner),
	    cmocka_unit_test(the_table_fits),
	    cmocka_unit_test(the_time_is_estimated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
