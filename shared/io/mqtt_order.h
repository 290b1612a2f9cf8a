/*
 * What the owner of an MQTT client asks of the client's thread: orders, and the bounded ring they
 * wait in. No thread of its own and no lock: mqtt.c guards the ring.
 */
#ifndef IO_MQTT_ORDER_H
#define IO_MQTT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQTT_PAYLOAD_MAX (256 * 1024)

enum mqtt_verb {
    MQTT_ORDER_CONNECT,
    MQTT_ORDER_DISCONNECT,
    MQTT_ORDER_SUBSCRIBE,
    MQTT_ORDER_PUBLISH
};

struct mqtt_order {
    enum mqtt_verb verb;
    uint64_t tag;
    int qos;
    bool retain, clean;
    size_t payload_len;
    const char *topic;   /* in bytes; the will's for a connect, empty without one */
    const char *payload; /* in bytes */
    char bytes[];
};

/* One allocation, freed by free(). NULL without memory or past MQTT_PAYLOAD_MAX. */
struct mqtt_order *mqtt_order_create(enum mqtt_verb verb, uint64_t tag, const char *topic,
                                     const void *payload, size_t len);

struct mqtt_ring {
    struct mqtt_order **orders;
    size_t first, count, capacity;
};

int mqtt_ring_init(struct mqtt_ring *ring, size_t capacity); /* ERR_NOMEM */
void mqtt_ring_finish(struct mqtt_ring *ring);               /* frees the orders left */
/* Takes the order; ERR_FULL leaves it the caller's. */
int mqtt_ring_put(struct mqtt_ring *ring, struct mqtt_order *order);
const struct mqtt_order *mqtt_ring_peek(const struct mqtt_ring *ring); /* NULL when empty */
struct mqtt_order *mqtt_ring_take(struct mqtt_ring *ring);             /* NULL when empty */

#endif
