/* gatewayctl: what a technician does on a gateway. docs/man/gatewayctl.1 is its page. */
#include "gateway/gatewayctl/gatewayctl.h"

#include <string.h>

#include "base/cli.h"
#include "base/text.h"

static const struct cli_verb verbs[] = {
    {"enrol", gatewayctl_enrol,
     N_("make this gateway's key and request, or install its certificate")},
    {"cert", gatewayctl_cert, N_("show what a certificate says and how long it is valid")},
    {"scan", gatewayctl_scan, N_("find the devices on a line, at any address and speed")},
    {"read", gatewayctl_read, N_("show what devices hold now")},
    {"write", gatewayctl_write, N_("set a point and show what is read back")},
    {"timing", gatewayctl_timing, N_("show turnarounds, broken silences and noise of a line")},
    {"decode", gatewayctl_decode, N_("show unknown registers in every type and order")},
    {"plan", gatewayctl_plan, N_("show the timetable of every bus and whether it can carry it")},
    {"status", gatewayctl_status, N_("show what the running gatewayd does")},
    {"watch", gatewayctl_watch, N_("show readings as they come, with their registers")},
    {"wait", gatewayctl_wait,
     N_("wait until the uplink, the spool or a device is as it should be")},
    {"maintain", gatewayctl_maintain, N_("mark a device's readings while somebody works on it")},
    {"check", gatewayctl_check, N_("check configurations, device profiles and control documents")},
    {"doctor", gatewayctl_doctor, N_("examine this gateway, each trouble with its remedy")},
    {NULL, NULL, NULL},
};

/* --lang stands anywhere: it is taken out before a verb sees its options. NULL: none was given. */
static const char *take_lang(int *argc, char **argv)
{
    const char *lang = NULL;
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--lang") == 0 && i + 1 < *argc)
            lang = argv[++i];
        else if (strncmp(argv[i], "--lang=", 7) == 0)
            lang = argv[i] + 7;
        else
            argv[kept++] = argv[i];
    }
    *argc = kept;
    argv[kept] = NULL;
    return lang;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    int rc = text_init(take_lang(&argc, argv), &e);
    rc =
        rc ? cli_fail("gatewayctl", &e)
           : cli_dispatch("gatewayctl",
                          N_("Commissions and examines an IoT gateway.\n\n  --lang LANG  vi or en; "
                             "else what LANGUAGE, LC_ALL or LANG says"),
                          verbs, argc, argv);
    text_finish();
    return rc;
}
