/*
 * One emulated bus: a pseudo terminal (RTU) or a TCP server, with the devices that hang on it.
 *
 * A line reads requests, lets the addressed slave answer, applies the slave's fault, and sends the
 * reply when a real line would have carried it. Foreign units are met with silence on a serial bus
 * and with exception 0B on TCP, where the bus's gateway answers for them. Runs on the loop; slaves,
 * journal and scene are borrowed.
 */
#ifndef EMULATOR_LINE_H
#define EMULATOR_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "boards/emulator/config.h"
#include "boards/emulator/journal.h"
#include "boards/emulator/outbox.h"
#include "boards/emulator/scene.h"
#include "boards/emulator/slave.h"
#include "boards/emulator/wire.h"
#include "io/loop.h"

#define LINE_CLIENTS_MAX 32 /* connections to one TCP bus; one more is closed at once */

struct line;

/* One reader of requests: the terminal, or one TCP connection. */
struct line_end {
    struct line *line;
    struct loop_watch watch;   /* fd -1: closed */
    struct loop_timer silence; /* RTU */
    int64_t heard_us;          /* RTU: when the last bytes came, as outbox_now_us */
    struct wire wire;
    struct outbox outbox;
};

struct line {
    const struct config_bus *config; /* borrowed */
    struct loop *loop;
    struct journal *journal;
    const struct scene *scene;
    struct slave *slaves; /* borrowed: those of this bus */
    size_t slave_count;
    bool plugged;
    uint64_t foreign; /* requests for units that are not here */

    struct line_end *terminal; /* RTU */
    char terminal_name[64];

    struct loop_watch listener; /* TCP; fd -1: not listening */
    uint16_t port;
    struct line_end *clients[LINE_CLIENTS_MAX];
};

/* Fills the line and opens it. e names the bus. */
int line_init(struct line *l, const struct config_bus *config, struct loop *loop,
              struct journal *journal, const struct scene *scene, struct slave *slaves,
              size_t slave_count, struct err *e);
void line_finish(struct line *l); /* of a zeroed struct is fine */

/* The adapter is pulled out of the board (terminal and link vanish, or the server closes) and put
 * back. Twice the same is fine. */
void line_pull(struct line *l);
int line_plug(struct line *l, struct err *e);

/* --- between line.c, line_rtu.c and line_tcp.c --- */

int line_rtu_open(struct line *l, struct err *e);
void line_rtu_close(struct line *l);
/* What the other side has set its port to. A pseudo terminal keeps speed and stop bits, and drops
 * parity. */
void line_rtu_settings(const struct line *l, uint32_t *baud, uint8_t *stop_bits);
int line_tcp_open(struct line *l, struct err *e);
void line_tcp_close(struct line *l);

struct line_end *line_end_create(struct line *l, int fd,
                                 void (*ready)(struct loop_watch *, uint32_t));
void line_end_destroy(struct line_end *end); /* closes the descriptor; NULL is fine */
/* Lets the addressed slave answer one request. */
void line_handle(struct line_end *end, const struct wire_request *request);
/* How long n characters take on the wire, in microseconds; 0 when the line is not paced. */
uint64_t line_time_us(const struct line *l, size_t n);

#endif
