/*
 * The subcommands of collectorctl: one collectorctl_*.c each, called with argv[0] being the
 * subcommand. They return what the program exits with (enum cli_exit).
 */
#ifndef COLLECTOR_COLLECTORCTL_COLLECTORCTL_H
#define COLLECTOR_COLLECTORCTL_COLLECTORCTL_H

int collectorctl_ca(int argc, char **argv);
int collectorctl_acl(int argc, char **argv);
int collectorctl_identity(int argc, char **argv);
int collectorctl_watch(int argc, char **argv);
int collectorctl_ack(int argc, char **argv);
int collectorctl_command(int argc, char **argv);
int collectorctl_control(int argc, char **argv);
int collectorctl_store(int argc, char **argv);

#endif
