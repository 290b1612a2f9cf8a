/*
 * A received message as it travels in the mailbox: one allocation, freed by free().
 */
#ifndef IO_MQTT_MESSAGE_H
#define IO_MQTT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "io/mqtt.h"

/* NULL without memory. topic_len is below 65,536 (MQTT 5.0, 1.5.4). */
struct mqtt_message *mqtt_message_create(const char *topic, size_t topic_len, const void *payload,
                                         size_t payload_len, bool retained);
size_t mqtt_message_size(const struct mqtt_message *m);
/* Acks, requests, commands, replies and states have reserved room in the mailbox; packs do not. */
bool mqtt_message_is_control(const struct mqtt_message *m);

#endif
