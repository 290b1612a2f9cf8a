/* gatewayctl: what a technician does on a gateway. docs/man/gatewayctl.1 is its page. */
#include "gateway/gatewayctl/gatewayctl.h"

#include "base/cli.h"

static const struct cli_verb verbs[] = {
    {"enrol", gatewayctl_enrol, "make this gateway's key and request, or install its certificate"},
    {"cert", gatewayctl_cert, "show what a certificate says and how long it is valid"},
    {"scan", gatewayctl_scan, "find the devices on a line, at any address and speed"},
    {"read", gatewayctl_read, "show what devices hold now"},
    {"decode", gatewayctl_decode, "show unknown registers in every type and order"},
    {"plan", gatewayctl_plan, "show the timetable of every bus and whether it can carry it"},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    return cli_dispatch("gatewayctl", "Commissions and examines an IoT gateway.", verbs, argc,
                        argv);
}
