/*
 * Whether the system's clock can be believed: the kernel's word for it (adjtimex(2), STA_UNSYNC),
 * which chrony, ntpd and systemd-timesyncd all keep. Any thread.
 */
#ifndef GATEWAY_IO_TIMESYNC_H
#define GATEWAY_IO_TIMESYNC_H

/* "synchronised", "unsynchronised", or "unknown" when the clock stands before this product was
 * made. */
const char *timesync_word(void);

#endif
