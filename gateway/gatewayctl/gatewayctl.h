/*
 * The subcommands of gatewayctl: one gatewayctl_*.c each, called with argv[0] being the subcommand.
 * They return what the program exits with (enum cli_exit).
 */
#ifndef GATEWAY_GATEWAYCTL_GATEWAYCTL_H
#define GATEWAY_GATEWAYCTL_GATEWAYCTL_H

int gatewayctl_enrol(int argc, char **argv);
int gatewayctl_cert(int argc, char **argv);

#endif
