/*
 * What a change of a bus's state is called, for the log and the operator: which bus, which device,
 * what happened, what to do.
 */
#ifndef GATEWAY_IO_BUS_BUS_SAY_H
#define GATEWAY_IO_BUS_BUS_SAY_H

#include "gateway/core/bus/poll.h"

#define BUS_STATE_TEXT (ERR_TEXT_MAX + 64)

/* open_error: why the port did not open, with POLL_NOTE_PORT_DOWN. */
void bus_say(const struct plan *plan, const struct poll_note *n, const struct err *open_error,
             char text[BUS_STATE_TEXT]);

#endif
