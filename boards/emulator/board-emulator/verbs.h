/* The client verbs of board-emulator. argv[0] is the verb; each returns the program's exit code. */
#ifndef EMULATOR_BOARD_EMULATOR_VERBS_H
#define EMULATOR_BOARD_EMULATOR_VERBS_H

int verb_ctl(int argc, char **argv);
int verb_ledger(int argc, char **argv);

#endif
