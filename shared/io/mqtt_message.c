#include "io/mqtt_message.h"

#include <stdlib.h>
#include <string.h>

const char *mqtt_message_topic(const struct mqtt_message *m)
{
    return m->bytes;
}

const char *mqtt_message_payload(const struct mqtt_message *m)
{
    return m->bytes + m->topic_len + 1;
}

size_t mqtt_message_size(const struct mqtt_message *m)
{
    return sizeof(*m) + m->topic_len + m->payload_len + 2;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(text + len - n, end, n) == 0;
}

bool mqtt_message_is_control(const struct mqtt_message *m)
{
    static const char *const ends[] = {"/ack", "/request", "/command", "/reply", "/state"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends_with(m->bytes, m->topic_len, ends[i]))
            return true;
    return false;
}

struct mqtt_message *mqtt_message_create(const char *topic, size_t topic_len, const void *payload,
                                         size_t payload_len, bool retained)
{
    struct mqtt_message *m = malloc(sizeof(*m) + topic_len + payload_len + 2);
    if (!m)
        return NULL;
    m->topic_len = (uint16_t)topic_len;
    m->payload_len = (uint32_t)payload_len;
    m->retained = retained;
    memcpy(m->bytes, topic, topic_len);
    m->bytes[topic_len] = '\0';
    if (payload_len > 0)
        memcpy(m->bytes + topic_len + 1, payload, payload_len);
    m->bytes[topic_len + 1 + payload_len] = '\0';
    return m;
}
