/*
 * Why a connection to the broker failed, in words a person can act on.
 *
 * OpenSSL and paho report a failed handshake as a code, an alert or a line of their trace, each
 * alone too little; mqtt.c collects these clues and this turns them into one sentence that names
 * the file, host or clock to look at. Pure; no thread, no allocation.
 */
#ifndef IO_MQTT_REASON_H
#define IO_MQTT_REASON_H

#include <stdbool.h>
#include <stddef.h>

#include "io/mqtt.h"

#define MQTT_REASON_SIZE 768
#define MQTT_CLUE_SIZE   256

struct mqtt_clues {
    bool handshake_done; /* so what ended it was the broker's judgement of our certificate */
    bool host_mismatch;  /* the certificate names other hosts */
    char openssl[MQTT_CLUE_SIZE]; /* OpenSSL's error line; empty when it gave none */
    char step[MQTT_CLUE_SIZE];    /* "SSL_CTX_use_PrivateKey_file …": what OpenSSL could not do */
    char alert[MQTT_CLUE_SIZE];   /* "read:fatal:unknown CA": read, the broker sent it; write, we */
    char paho[MQTT_CLUE_SIZE];    /* paho's own message */
    char certificate[MQTT_CLUE_SIZE]; /* what is wrong with ours by our own reading, or empty */
    int reason;  /* CONNACK reason code of MQTT 5, return code of 3.1.1; 0: none */
    int version; /* 5 or 4 */
};

/* Keeps what a line of paho's trace tells. */
void mqtt_clues_note(struct mqtt_clues *clues, const char *line);
/* Copies one line of len bytes, without its end, as far as it fits. */
void mqtt_clue_line(char to[MQTT_CLUE_SIZE], const char *text, size_t len);

/* Writes the sentence into text and returns it. */
const char *mqtt_reason_text(const struct mqtt_options *o, const struct mqtt_clues *clues,
                             char text[MQTT_REASON_SIZE]);

/* The meaning of an MQTT 5 reason code (MQTT 5.0, section 2.4) at or above 0x80. */
const char *mqtt_reason_name(int reason);

#endif
