/*
 * Word to the supervisor, as systemd's sd_notify(3) protocol has it: a datagram to $NOTIFY_SOCKET.
 * Without a supervisor every call does nothing. Never blocks; a datagram that cannot be sent is not
 * repeated.
 */
#ifndef GATEWAY_IO_NOTIFY_H
#define GATEWAY_IO_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..." and the like. */
void notify_send(const char *state);
/* How often the supervisor wants WATCHDOG=1, in ms: half of $WATCHDOG_USEC; 0: it does not. */
int64_t notify_watchdog_ms(void);

#endif
