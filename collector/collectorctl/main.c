/* collectorctl: what an administrator and an operator do at the centre. docs/man/collectorctl.1 is
 * its page. */
#include "collector/collectorctl/collectorctl.h"

#include "base/cli.h"
#include "base/text.h"

static const struct cli_verb verbs[] = {
    {"ca", collectorctl_ca, "run the certificate authority: init, sign, list, revoke"},
    {"acl", collectorctl_acl, "write the broker's listeners and access rules"},
    {"identity", collectorctl_identity, "make a key and request for an operator or a machine"},
    {"watch", collectorctl_watch, "show gateways, values and alerts as they change"},
    {"ack", collectorctl_ack, "acknowledge an alert"},
    {"command", collectorctl_command,
     N_("switch a lamp: signed, and answered with what was read back")},
    {"control", collectorctl_control, N_("sign what may switch a gateway's lights")},
    {"store", collectorctl_store, "look into the collector's store: dump"},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    /* The environment's language; `watch --lang` chooses the alerts' own texts. */
    text_init(NULL, NULL);
    int exit_code = cli_dispatch("collectorctl", N_("Runs the central side of the IoT network."),
                                 verbs, argc, argv);
    text_finish();
    return exit_code;
}
