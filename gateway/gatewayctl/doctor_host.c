/* The machine itself: clock, serial ports, spool directory, wear of the disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "gateway/gatewayctl/doctor.h"
#include "gateway/gatewayctl/human.h"
#include "gateway/io/timesync.h"

#define PATH_SIZE       512
#define WEAR_WARN_TENTH 8  /* eMMC life time estimate: tenths of its life that are used up */
#define WEAR_OVER       11 /* 0x0b: beyond its estimated life (JEDEC JESD84-B51, EXT_CSD 268) */

/* --- clock --- */

static void look_at_clock(struct doctor *d)
{
    const char *word = timesync_word();
    const char *fix =
        _("start time synchronisation (chrony or systemd-timesyncd); is UDP 123 open?");
    if (strcmp(word, "synchronised") == 0)
        d->clock_finding = doctor_say(d, DOCTOR_PASS, "clock", NULL, _("synchronised"));
    else if (strcmp(word, "unknown") == 0)
        d->clock_finding =
            doctor_say(d, DOCTOR_FAIL, "clock", fix,
                       _("it stands before this product was made: certificates cannot be judged"));
    else
        d->clock_finding = doctor_say(d, DOCTOR_WARN, "clock", fix,
                                      _("plausible, but not synchronised: times may drift"));
}

/* --- ports --- */

/* Another process that has the port open; its name in `holder`. */
static bool has_open(const char *pid, const char *target, char *holder, size_t size)
{
    char path[PATH_SIZE], link[PATH_SIZE];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *x; !found && (x = readdir(dir)) != NULL;) {
        ssize_t n = readlinkat(dirfd(dir), x->d_name, link, sizeof(link) - 1);
        if (n <= 0)
            continue;
        link[n] = '\0';
        found = strcmp(link, target) == 0;
    }
    closedir(dir);
    if (!found)
        return false;
    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    FILE *f = fopen(path, "re");
    if (!f || !fgets(holder, (int)size, f))
        snprintf(holder, size, "?");
    if (f)
        fclose(f);
    holder[strcspn(holder, "\n")] = '\0';
    return true;
}

/* The process, other than `except`, that holds the port; 0: none that can be seen. */
static long find_holder(const char *target, long except, char *holder, size_t size)
{
    DIR *proc = opendir("/proc");
    long found = 0;
    if (!proc)
        return 0;
    for (struct dirent *x; found == 0 && (x = readdir(proc)) != NULL;) {
        char *end;
        long pid = strtol(x->d_name, &end, 10);
        if (pid > 0 && *end == '\0' && pid != except && has_open(x->d_name, target, holder, size))
            found = pid;
    }
    closedir(proc);
    return found;
}

static void look_who_holds(struct doctor *d, const char *name, const char *path)
{
    char target[PATH_MAX], holder[64];
    const struct json *gateway = doctor_status(d, "gateway");
    long daemon = d->status.doc ? (long)ask_number(gateway, "pid", 0) : 0;
    if (!realpath(path, target)) {
        doctor_say(d, DOCTOR_UNKNOWN, name, NULL, "%s: %s", path, strerror(errno));
        return;
    }
    long pid = find_holder(target, daemon, holder, sizeof(holder));
    if (pid)
        doctor_say(d, DOCTOR_FAIL, name, _("end that program, or give it another port"),
                   _("%s is also held by %s (process %ld): two masters disturb each other"), path,
                   holder, pid);
    else if (geteuid() != 0)
        doctor_say(d, DOCTOR_PASS, name, NULL,
                   _("%s is there and may be opened; only root sees who else has it"), path);
    else
        doctor_say(d, DOCTOR_PASS, name, NULL, _("%s is there, nobody else holds it"), path);
}

static void look_at_port(struct doctor *d, const struct gateway_bus *b)
{
    char name[DOCTOR_NAME_SIZE];
    struct stat st;
    snprintf(name, sizeof(name), "port %s", b->name);
    if (stat(b->device, &st) != 0)
        doctor_say(d, DOCTOR_FAIL, name,
                   _("plug the adapter in; 'ls /dev/serial/by-id' shows what is there"), "%s: %s",
                   b->device, strerror(errno));
    else if (!S_ISCHR(st.st_mode))
        doctor_say(d, DOCTOR_FAIL, name, _("correct the bus's device in the configuration"),
                   _("%s is no serial port"), b->device);
    else if (access(b->device, R_OK | W_OK) != 0)
        doctor_say(d, DOCTOR_FAIL, name,
                   _("join the group that owns it: usermod -aG dialout USER, then log in again"),
                   "%s: %s", b->device, strerror(errno));
    else
        look_who_holds(d, name, b->device);
}

static void look_at_ports(struct doctor *d)
{
    if (!d->config) {
        doctor_say(d, DOCTOR_UNKNOWN, "ports", NULL, _("which ones, only the configuration knows"));
        doctor_because(d, d->config_finding);
        return;
    }
    for (size_t i = 0; i < d->config->bus_count; i++)
        if (*d->config->buses[i].device)
            look_at_port(d, &d->config->buses[i]);
}

/* --- disk --- */

static uint64_t used_bytes(const char *path)
{
    uint64_t used = 0;
    DIR *dir = opendir(path);
    for (struct dirent *x; dir && (x = readdir(dir)) != NULL;) {
        struct stat st;
        if (fstatat(dirfd(dir), x->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            used += (uint64_t)st.st_blocks * 512;
    }
    if (dir)
        closedir(dir);
    return used;
}

static void look_at_space(struct doctor *d, const char *path)
{
    struct statvfs fs;
    char room[HUMAN_SIZE], wanted[HUMAN_SIZE];
    uint64_t size = (uint64_t)d->config->spool.size_mib << 20, used = used_bytes(path);
    if (statvfs(path, &fs) != 0) {
        doctor_say(d, DOCTOR_UNKNOWN, "disk space", NULL, "%s: %s", path, strerror(errno));
        return;
    }
    double available = (double)fs.f_bavail * (double)fs.f_frsize;
    double missing = size > used ? (double)(size - used) : 0;
    human_bytes(available, room);
    human_bytes(missing, wanted);
    if (available < missing)
        doctor_say(d, available < missing / 2 ? DOCTOR_FAIL : DOCTOR_WARN, "disk space",
                   _("make room, or lower spool.size_mib"),
                   _("the spool may still grow by %s, the disk has %s"), wanted, room);
    else
        doctor_say(d, DOCTOR_PASS, "disk space", NULL, _("%s free, the spool may grow by %s"), room,
                   wanted);
}

/* Reads one small number of a file in /sys; -1 when it is not there. */
static long read_number(const char *path, int base)
{
    char text[32] = "";
    FILE *f = fopen(path, "re");
    if (!f)
        return -1;
    bool read = fgets(text, sizeof(text), f) != NULL;
    fclose(f);
    return read ? strtol(text, NULL, base) : -1;
}

/* "0x01 0x01": what a card says of its two kinds of memory, in tenths of their life. */
static void look_at_wear(struct doctor *d, const char *path)
{
    char file[PATH_SIZE];
    struct stat st;
    long worst = -1;
    if (stat(path, &st) == 0) {
        static const char *const places[] = {"device/life_time", "../device/life_time"};
        for (size_t i = 0; i < 2 && worst < 0; i++) {
            snprintf(file, sizeof(file), "/sys/dev/block/%u:%u/%s", major(st.st_dev),
                     minor(st.st_dev), places[i]);
            worst = read_number(file, 16);
        }
    }
    const char *fix = _("change the card or the board before it fails");
    if (worst <= 0)
        doctor_say(d, DOCTOR_UNKNOWN, "disk wear", NULL, _("this disk does not tell its wear"));
    else if (worst >= WEAR_OVER)
        doctor_say(d, DOCTOR_FAIL, "disk wear", fix, _("beyond its estimated life"));
    else
        doctor_say(d, worst > WEAR_WARN_TENTH ? DOCTOR_WARN : DOCTOR_PASS, "disk wear", fix,
                   _("%ld0 %% of its life used at most"), worst);
}

static void look_at_disk(struct doctor *d)
{
    if (!d->config) {
        doctor_say(d, DOCTOR_UNKNOWN, "spool directory", NULL,
                   _("where it is, only the configuration knows"));
        doctor_because(d, d->config_finding);
        return;
    }
    const char *path = d->config->spool.path;
    if (access(path, F_OK) != 0) {
        doctor_say(d, DOCTOR_FAIL, "spool directory",
                   _("make it and give it to the user ioc: install -d -o ioc -m 0750 DIR"),
                   "%s: %s", path, strerror(errno));
        return;
    }
    if (access(path, W_OK) == 0)
        doctor_say(d, DOCTOR_PASS, "spool directory", NULL, _("%s can be written"), path);
    else if (errno == EROFS)
        doctor_say(d, DOCTOR_FAIL, "spool directory",
                   _("the card went read-only, often a sign of its end: dmesg, then change it"),
                   "%s: %s", path, strerror(errno));
    else
        doctor_say(d, DOCTOR_UNKNOWN, "spool directory", _("run this as root, or as the user ioc"),
                   _("%s: this user may not write there; gatewayd's may"), path);
    look_at_space(d, path);
    look_at_wear(d, path);
}

void doctor_host(struct doctor *d)
{
    look_at_clock(d);
    look_at_ports(d);
    look_at_disk(d);
}
