#include "io/mqtt_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct mqtt_order *mqtt_order_create(enum mqtt_verb verb, uint64_t tag, const char *topic,
                                     const void *payload, size_t len)
{
    size_t topic_size = strlen(topic) + 1;
    struct mqtt_order *order =
        len <= MQTT_PAYLOAD_MAX ? calloc(1, sizeof(*order) + topic_size + len) : NULL;
    if (!order)
        return NULL;
    order->verb = verb;
    order->tag = tag;
    order->topic = order->bytes;
    order->payload = order->bytes + topic_size;
    order->payload_len = len;
    memcpy(order->bytes, topic, topic_size);
    if (len > 0)
        memcpy(order->bytes + topic_size, payload, len);
    return order;
}

int mqtt_ring_init(struct mqtt_ring *ring, size_t capacity)
{
    *ring = (struct mqtt_ring){.capacity = capacity};
    ring->orders = calloc(capacity, sizeof(struct mqtt_order *));
    return ring->orders ? 0 : ERR_NOMEM;
}

void mqtt_ring_finish(struct mqtt_ring *ring)
{
    while (ring->count > 0)
        free(mqtt_ring_take(ring));
    free(ring->orders);
    ring->orders = NULL;
}

int mqtt_ring_put(struct mqtt_ring *ring, struct mqtt_order *order)
{
    if (ring->count == ring->capacity)
        return ERR_FULL;
    ring->orders[(ring->first + ring->count++) % ring->capacity] = order;
    return 0;
}

const struct mqtt_order *mqtt_ring_peek(const struct mqtt_ring *ring)
{
    return ring->count > 0 ? ring->orders[ring->first] : NULL;
}

struct mqtt_order *mqtt_ring_take(struct mqtt_ring *ring)
{
    if (ring->count == 0)
        return NULL;
    struct mqtt_order *order = ring->orders[ring->first];
    ring->first = (ring->first + 1) % ring->capacity;
    ring->count--;
    return order;
}
