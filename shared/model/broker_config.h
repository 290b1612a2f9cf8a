/*
 * How a daemon reaches the broker: the same keys in both configurations. There is no key to turn
 * TLS or the check of the broker's name off.
 */
#ifndef MODEL_BROKER_CONFIG_H
#define MODEL_BROKER_CONFIG_H

#include "model/schema.h"

#define CONFIG_FILE_MAX  (256 * 1024)
#define CONFIG_PATH_SIZE 256
#define CONFIG_HOST_SIZE 254 /* RFC 1035: 253 characters */

struct broker_config {
    char host[CONFIG_HOST_SIZE];
    int64_t port;
    char ca[CONFIG_PATH_SIZE], cert[CONFIG_PATH_SIZE], key[CONFIG_PATH_SIZE]; /* PEM files */
    int64_t keepalive_s;
};

extern const struct schema_field broker_config_fields[];
/* The words of the key `log`, by index: "error" "warn" "info" "debug". */
extern const char *const log_words[];

/* What a configuration parser may ask of the file system; the caller's, so that parsing stays pure.
 */
struct config_files {
    void *user;
    /* Gives *text (malloc'ed, taken) of DIR/NAME.json; ERR_NOTFOUND and others with a text. */
    int (*read_profile)(void *user, const char *dir, const char *name, char **text, size_t *len,
                        struct err *e);
    /* 0, or why the file cannot be read. NULL: files are not checked. */
    int (*check_file)(void *user, const char *path, struct err *e);
};

/* Refuses the first of ca, cert and key that files->check_file does not like. */
int broker_config_check_files(const struct broker_config *broker, const struct config_files *files,
                              const struct json_doc *doc, struct err *e);

#endif
