#include "gateway/io/control_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway/core/control/actuator.h"
#include "io/fsx.h"
#include "model/jws.h"

#define STATE_MODE 0600

/* A document and the text it came in. */
struct document {
    struct control_file file;
    uint8_t hash[CRYPTO_HASH_SIZE]; /* of what was signed, without the signature */
    char *text;
    size_t len;
};

static void drop(struct document *d)
{
    control_file_close(&d->file);
    free(d->text);
    *d = (struct document){0};
}

/* --- reading --- */

static int load_trust(const char *path, struct crypto_key **out, struct err *e)
{
    char *pem;
    size_t len;
    int rc = fsx_read_file(path, CRYPTO_PEM_MAX, &pem, &len, e);
    if (rc)
        return rc;
    rc = crypto_key_parse_public(pem, len, out, e);
    free(pem);
    return rc ? err_prefix(e, "%s", path) : 0;
}

static int verify(const struct crypto_key *trust, struct document *d, struct buf *payload,
                  struct err *e)
{
    struct jws jws;
    int rc = jws_split(d->text, d->len, &jws, payload, e);
    if (rc)
        return rc;
    if (crypto_es256_verify(trust, jws.signed_part, jws.signed_len, jws.signature, NULL) != 0)
        return err_set(e, ERR_DENIED, "it is not signed by the authority that control.trust names");
    crypto_sha256(payload->data, payload->len, d->hash);
    return 0;
}

static int parse_keys(struct control_file *f, struct err *e)
{
    for (size_t i = 0; i < f->control->key_count; i++) {
        const char *pem = f->control->keys[i].public_key;
        if (crypto_key_parse_public(pem, strlen(pem), &f->keys[i], e) == 0)
            continue;
        err_prefix(e, "keys[%zu].public_key", i);
        return ERR_INVALID;
    }
    return 0;
}

static int understand(const struct gateway_config *config, const struct crypto_key *trust,
                      struct document *d, struct buf *payload, struct err *e)
{
    int rc = verify(trust, d, payload, e);
    rc = rc ? rc : control_parse(payload->data, payload->len, &d->file.control, e);
    rc = rc ? rc : actuator_check(config, d->file.control, e);
    return rc ? rc : parse_keys(&d->file, e);
}

static int read_document(const struct gateway_config *config, const struct crypto_key *trust,
                         const char *path, struct document *d, struct err *e)
{
    struct buf payload;
    *d = (struct document){0};
    int rc = fsx_read_file(path, JWS_SIZE_MAX, &d->text, &d->len, e);
    if (rc)
        return rc;
    while (d->len && strchr("\r\n", d->text[d->len - 1]))
        d->len--;
    char *memory = malloc(CONTROL_FILE_MAX);
    if (memory) {
        buf_init(&payload, memory, CONTROL_FILE_MAX);
        rc = understand(config, trust, d, &payload, e);
    } else {
        rc = err_set(e, ERR_NOMEM, "no memory");
    }
    free(memory);
    if (rc == 0)
        return 0;
    drop(d);
    err_prefix(e, "%s", path);
    return rc;
}

/* --- which one counts --- */

static int check_revision(const char *path, const struct document *file,
                          const struct document *kept, struct err *e)
{
    if (!kept->file.control)
        return 0;
    int64_t now = file->file.control->revision;
    int64_t had = kept->file.control->revision;
    if (now < had)
        return err_set(e, ERR_DENIED,
                       "%s: revision %" PRId64 " is below %" PRId64
                       ", which this gateway has had; sign it anew with a higher one",
                       path, now, had);
    if (now == had && memcmp(file->hash, kept->hash, sizeof(file->hash)) != 0)
        return err_set(e, ERR_DENIED,
                       "%s: this gateway has had another document of revision %" PRId64
                       "; sign it anew with a higher one",
                       path, now);
    return 0;
}

static int load_both(const struct gateway_config *config, struct document *file,
                     struct document *kept, struct err *e)
{
    const struct gateway_control *paths = &config->control;
    struct crypto_key *trust;
    struct err why = {0};
    int rc = load_trust(paths->trust, &trust, e);
    if (rc)
        return rc;
    int state = read_document(config, trust, paths->state, kept, &why);
    if (state != 0 && state != ERR_NOTFOUND)
        log_warn("the kept control document cannot be used: %s", why.text);
    rc = read_document(config, trust, paths->file, file, e);
    crypto_key_destroy(trust);
    return rc ? rc : check_revision(paths->file, file, kept, e);
}

int control_file_check(const struct gateway_config *config, struct err *e)
{
    struct document file = {0}, kept = {0};
    if (!config->has_control)
        return 0;
    int rc = load_both(config, &file, &kept, e);
    drop(&file);
    drop(&kept);
    return rc;
}

int control_file_open(const struct gateway_config *config, struct control_file *out, struct err *e)
{
    struct document file = {0}, kept = {0};
    *out = (struct control_file){0};
    int rc = load_both(config, &file, &kept, e);
    struct document *chosen = rc == 0 ? &file : &kept;
    bool is_new = !kept.file.control ||
                  (rc == 0 && file.file.control->revision != kept.file.control->revision);
    if (rc == 0 && is_new)
        rc = fsx_replace_file(config->control.state, file.text, file.len, STATE_MODE, e);
    *out = chosen->file;
    chosen->file = (struct control_file){0};
    drop(&file);
    drop(&kept);
    return rc;
}

void control_file_close(struct control_file *f)
{
    for (size_t i = 0; i < CONTROL_KEYS_MAX; i++)
        crypto_key_destroy(f->keys[i]);
    control_free(f->control);
    *f = (struct control_file){0};
}

/* --- what the keys sign --- */

static const struct control_key *signer(const struct control_file *f, const struct jws *jws,
                                        struct err *e)
{
    const struct control_key *key = f->control ? control_find_key(f->control, jws->kid) : NULL;
    if (!key) {
        err_set(e, ERR_DENIED, "the key %s is not accepted here", jws->kid);
        return NULL;
    }
    const struct crypto_key *public_key = f->keys[key - f->control->keys];
    if (crypto_es256_verify(public_key, jws->signed_part, jws->signed_len, jws->signature, NULL)) {
        err_set(e, ERR_DENIED, "the signature is not that of the key %s", jws->kid);
        return NULL;
    }
    return key;
}

void control_file_open_command(const struct control_file *f, const char *text, size_t len,
                               struct gate_offer *o, struct command *command, struct err *e)
{
    char memory[COMMAND_SIZE_MAX];
    struct buf payload;
    struct jws jws;
    o->why = e->text;
    buf_init(&payload, memory, sizeof(memory));
    if (len > COMMAND_SIZE_MAX)
        err_set(e, ERR_LIMIT, "%zu bytes; a command has at most %d", len, COMMAND_SIZE_MAX);
    else if (jws_split(text, len, &jws, &payload, e) == 0)
        o->key = signer(f, &jws, e);
    if (o->key && command_decode(payload.data, payload.len, command, e) == 0)
        o->command = command;
}
