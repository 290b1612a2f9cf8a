/*
 * The subcommands of gatewayctl: one gatewayctl_*.c each, called with argv[0] being the subcommand.
 * They return what the program exits with (enum cli_exit).
 */
#ifndef GATEWAY_GATEWAYCTL_GATEWAYCTL_H
#define GATEWAY_GATEWAYCTL_GATEWAYCTL_H

#define GATEWAYCTL_CONFIG "/etc/ioc/gateway.json" /* unless -c names another */
/* Ended by Ctrl-C, with what was found until then: as shells say it. */
#define GATEWAYCTL_INTERRUPTED 130

int gatewayctl_enrol(int argc, char **argv);
int gatewayctl_cert(int argc, char **argv);
int gatewayctl_decode(int argc, char **argv);
int gatewayctl_read(int argc, char **argv);
int gatewayctl_write(int argc, char **argv);
int gatewayctl_timing(int argc, char **argv);
int gatewayctl_scan(int argc, char **argv);
int gatewayctl_plan(int argc, char **argv);
int gatewayctl_status(int argc, char **argv);
int gatewayctl_watch(int argc, char **argv);
int gatewayctl_wait(int argc, char **argv);
int gatewayctl_check(int argc, char **argv);
int gatewayctl_doctor(int argc, char **argv);
int gatewayctl_maintain(int argc, char **argv);

#endif
