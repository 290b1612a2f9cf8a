#include "model/command.h"

#include <string.h>

#include "model/fields.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- the command --- */

static const char *const action_words[] = {
    [COMMAND_SET] = "set", [COMMAND_RELEASE] = "release", NULL};

static const struct field command_fields[] = {
    FIELD(command, id, FIELD_TEXT),
    FIELD(command, gateway, FIELD_NAME),
    FIELD(command, target, FIELD_TEXT),
    FIELD(command, action, FIELD_ENUM, .words = action_words),
    FIELD(command, hold_s, FIELD_U32, FIELD_OPTIONAL),
    FIELD(command, nonce, FIELD_TEXT),
    FIELD(command, counter, FIELD_U63),
};

bool command_target_valid(const char *target)
{
    const char *slash = strchr(target, '/');
    return slash ? name_valid_n(target, (size_t)(slash - target)) && name_valid(slash + 1)
                 : name_valid(target);
}

int command_encode(const struct command *c, struct buf *out)
{
    message_begin(out);
    fields_encode(command_fields, COUNT_OF(command_fields), c, true, out);
    value_encode(&c->value, out);
    return message_end(out);
}

static bool is_known(const char *key)
{
    bool known = strcmp(key, "v") == 0 || strcmp(key, "value") == 0;
    for (size_t i = 0; i < COUNT_OF(command_fields); i++)
        known = known || strcmp(key, command_fields[i].key) == 0;
    return known;
}

static int check_value(const struct command *c, struct err *e)
{
    if (c->action == COMMAND_SET && c->value.type != VALUE_BOOL && c->value.type != VALUE_NUMBER)
        return err_set(e, ERR_INVALID, "value must be true, false or a number to set a target");
    if (c->action == COMMAND_RELEASE && (c->value.type != VALUE_NONE || c->hold_s != 0))
        return err_set(e, ERR_INVALID, "a release takes neither value nor hold_s");
    return 0;
}

static int check_command(const struct command *c, struct err *e)
{
    if (!jws_word_valid(c->id, sizeof(c->id)))
        return err_set(e, ERR_INVALID, "id must be letters, digits, '-', '_' and '.'");
    if (!jws_word_valid(c->nonce, sizeof(c->nonce)))
        return err_set(e, ERR_INVALID, "nonce must be letters, digits, '-', '_' and '.'");
    if (!command_target_valid(c->target))
        return err_set(e, ERR_INVALID, "target must be {device}/{point} or a group's name");
    if (c->hold_s > COMMAND_HOLD_MAX_S)
        return err_set(e, ERR_INVALID, "hold_s must be at most %d (seven days)",
                       COMMAND_HOLD_MAX_S);
    return check_value(c, e);
}

static int read_command(const struct json *root, struct command *c, struct err *e)
{
    for (const struct json *v = json_first(root); v; v = json_next(v))
        if (!is_known(json_key(v)))
            return err_set(e, ERR_INVALID, "'%.40s' is no member of a command", json_key(v));
    int rc = fields_decode(command_fields, COUNT_OF(command_fields), root, c, e);
    if (rc == 0)
        rc = value_decode(json_get(root, "value"), &c->value, e);
    return rc < 0 ? rc : check_command(c, e);
}

int command_decode(const char *payload, size_t len, struct command *c, struct err *e)
{
    struct json_doc *doc;
    memset(c, 0, sizeof(*c));
    if (len > COMMAND_SIZE_MAX)
        return err_set(e, ERR_LIMIT, "a command of %zu bytes; at most %d", len, COMMAND_SIZE_MAX);
    int rc = message_open(payload, len, &doc, e);
    if (rc < 0)
        return rc;
    rc = read_command(json_root(doc), c, e);
    json_free(doc);
    return rc;
}

/* --- its result --- */

static const char *const outcome_words[] = {
    [COMMAND_DONE] = "done",
    [COMMAND_SENT] = "sent",
    [COMMAND_REFUSED] = "refused",
    [COMMAND_FAILED] = "failed",
    [COMMAND_MISMATCHED] = "mismatched",
    NULL,
};

/* Their keys are not the members' names, so FIELD does not fit. */
#define RESULT_MEMBER(name, member, field_type, ...)                                               \
    {                                                                                              \
        .key = (name), .type = (field_type), .offset = offsetof(struct command_result, member),    \
        .size = sizeof(((struct command_result *)NULL)->member), __VA_ARGS__                       \
    }

static const struct field result_fields[] = {
    FIELD(command_result, id, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(command_result, kid, FIELD_TEXT, FIELD_OPTIONAL),
    RESULT_MEMBER("operator", operator_name, FIELD_NAME, FIELD_OPTIONAL),
    FIELD(command_result, target, FIELD_TEXT, FIELD_OPTIONAL),
    RESULT_MEMBER("result", outcome, FIELD_ENUM, .words = outcome_words),
    FIELD(command_result, reason, FIELD_TEXT, FIELD_OPTIONAL),
};

const char *command_outcome_name(enum command_outcome o)
{
    return outcome_words[o];
}

int command_result_encode(const struct command_result *r, struct buf *out)
{
    message_begin(out);
    fields_encode(result_fields, COUNT_OF(result_fields), r, true, out);
    value_encode(&r->value, out);
    return message_end(out);
}

int command_result_decode(const char *text, size_t len, struct command_result *r, struct err *e)
{
    struct json_doc *doc;
    memset(r, 0, sizeof(*r));
    int rc = message_open(text, len, &doc, e);
    if (rc < 0)
        return rc;
    rc = fields_decode(result_fields, COUNT_OF(result_fields), json_root(doc), r, e);
    if (rc == 0)
        rc = value_decode(json_get(json_root(doc), "value"), &r->value, e);
    json_free(doc);
    return rc;
}
