/*
 * An MQTT client's options: its own copy of them, and what follows from them. No thread, no lock.
 */
#ifndef IO_MQTT_OPTIONS_H
#define IO_MQTT_OPTIONS_H

#include "io/mqtt.h"
#include "io/mqtt_reason.h"

#define MQTT_URL_SIZE 300 /* a host name has at most 253 characters (RFC 1035, 2.3.4) */

int mqtt_options_copy(struct mqtt_options *to, const struct mqtt_options *from); /* ERR_NOMEM */
void mqtt_options_finish(struct mqtt_options *o); /* of a half-made copy, too */
/* As paho wants it: ssl://host:port. */
void mqtt_url(const struct mqtt_options *o, char url[MQTT_URL_SIZE]);
/* Looks at our certificate with our own clock: what a broker will find wrong with it, or empty. */
void mqtt_judge_certificate(const struct mqtt_options *o, char verdict[MQTT_CLUE_SIZE]);
/* Before the first connection, while no other thread reads the environment. */
void mqtt_unset_proxies(void);

/* Every socket of this process to that port sends at once. Else Nagle's algorithm holds the end of
 * a message back until the other end acknowledges its beginning, which that delays by 40 ms. */
void mqtt_send_at_once(uint16_t port);

#endif
