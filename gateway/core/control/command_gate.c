#include "gateway/core/control/command_gate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void gate_init(struct command_gate *g, const struct control *control, const char *gateway,
               struct clk_mono now)
{
    memset(g, 0, sizeof(*g));
    g->control = control;
    g->gateway = gateway;
    g->renew_at = now;
    g->looks = (struct gate_budget){GATE_LOOKS_BURST * GATE_LOOK_EVERY_MS, now};
    g->audits = (struct gate_budget){GATE_AUDITS_BURST * GATE_AUDIT_EVERY_MS, now};
}

void gate_renew(struct command_gate *g, const uint8_t random[GATE_NONCE_BYTES], struct clk_mono now)
{
    memcpy(g->nonces[1], g->nonces[0], sizeof(g->nonces[1]));
    for (size_t i = 0; i < GATE_NONCE_BYTES; i++)
        snprintf(&g->nonces[0][2 * i], 3, "%02x", random[i]);
    g->generation++;
    g->renew_at = clk_mono_add(now, GATE_NONCE_MS);
}

/* --- budgets --- */

static bool spend(struct gate_budget *b, int64_t each_ms, int64_t burst, struct clk_mono now)
{
    int64_t most = each_ms * burst;
    b->left_ms += now.ms - b->at.ms;
    b->at = now;
    if (b->left_ms > most)
        b->left_ms = most;
    if (b->left_ms < each_ms)
        return false;
    b->left_ms -= each_ms;
    return true;
}

bool gate_admits(struct command_gate *g, struct clk_mono now)
{
    bool admitted = spend(&g->looks, GATE_LOOK_EVERY_MS, GATE_LOOKS_BURST, now);
    g->unseen += !admitted;
    return admitted;
}

bool gate_may_say(struct command_gate *g, struct clk_mono now)
{
    bool said = spend(&g->audits, GATE_AUDIT_EVERY_MS, GATE_AUDITS_BURST, now);
    g->unsaid += !said;
    return said;
}

bool gate_unsaid(struct command_gate *g, char *text, size_t size, struct clk_mono now)
{
    if (g->unseen + g->unsaid == 0 ||
        !spend(&g->audits, GATE_AUDIT_EVERY_MS, GATE_AUDITS_BURST, now))
        return false;
    snprintf(text, size,
             "too many commands: %" PRIu64 " more were refused, %" PRIu64
             " dropped without a look; somebody floods the command topic",
             g->unsaid, g->unseen);
    g->unsaid = g->unseen = 0;
    return true;
}

/* --- memory --- */

static struct gate_memory *recall(struct command_gate *g, const char *kid, const char *id)
{
    assert(kid && id);
    for (size_t i = 0; i < GATE_RESULTS_MAX; i++)
        if (*g->memory[i].id && strcmp(g->memory[i].id, id) == 0 &&
            strcmp(g->memory[i].kid, kid) == 0)
            return &g->memory[i];
    return NULL;
}

static void memorise(struct command_gate *g, const char *kid, const char *id)
{
    struct gate_memory *m = &g->memory[g->memory_next++ % GATE_RESULTS_MAX];
    *m = (struct gate_memory){0};
    snprintf(m->kid, sizeof(m->kid), "%s", kid);
    snprintf(m->id, sizeof(m->id), "%s", id);
}

void gate_remember(struct command_gate *g, const struct command_result *r)
{
    struct gate_memory *m = recall(g, r->kid, r->id);
    if (!m)
        return;
    m->ended = true;
    m->result = *r;
}

/* --- judging --- */

static int check_sender(const struct command_gate *g, const struct gate_offer *o, struct err *e)
{
    if (o->retained)
        return err_set(e, ERR_DENIED, "a retained message; commands are never retained");
    if (!g->control)
        return err_set(e, ERR_DENIED, "this gateway has no valid control document");
    if (!o->key || !o->command)
        return err_set(e, ERR_DENIED, "%s", o->why);
    if (strcmp(o->command->gateway, g->gateway) != 0)
        return err_set(e, ERR_DENIED, "it is for the gateway %s", o->command->gateway);
    return 0;
}

/* The generation of a nonce that counts; 0: it does not. */
static uint64_t generation_of(const struct command_gate *g, const char *nonce)
{
    for (size_t i = 0; i < 2; i++)
        if (*g->nonces[i] && strcmp(g->nonces[i], nonce) == 0)
            return g->generation - i;
    return 0;
}

static int check_fresh(struct command_gate *g, const struct gate_offer *o, struct err *e)
{
    size_t key = (size_t)(o->key - g->control->keys);
    uint64_t generation = generation_of(g, o->command->nonce);
    if (generation == 0)
        return err_set(e, ERR_DENIED, "its nonce is old or was never this gateway's; sign it anew");
    if (generation < g->keys[key].generation)
        return err_set(e, ERR_DENIED, "the key has commanded with a newer nonce; sign it anew");
    if (generation == g->keys[key].generation && o->command->counter <= g->keys[key].counter)
        return err_set(e, ERR_DENIED,
                       "its counter, %" PRIu64 ", is not above the key's last, %" PRIu64,
                       o->command->counter, g->keys[key].counter);
    return 0;
}

static void accept(struct command_gate *g, const struct gate_offer *o)
{
    size_t key = (size_t)(o->key - g->control->keys);
    g->keys[key].generation = generation_of(g, o->command->nonce);
    g->keys[key].counter = o->command->counter;
    memorise(g, o->key->kid, o->command->id);
    g->accepted++;
}

enum gate_verdict gate_judge(struct command_gate *g, const struct gate_offer *o,
                             const struct command_result **stored, struct err *e)
{
    *stored = NULL;
    int rc = check_sender(g, o, e);
    const struct gate_memory *m = rc == 0 ? recall(g, o->key->kid, o->command->id) : NULL;
    if (m) {
        *stored = m->ended ? &m->result : NULL;
        g->repeated++;
        return GATE_REPEATED;
    }
    const struct value *value =
        rc == 0 && o->command->action == COMMAND_SET ? &o->command->value : NULL;
    rc = rc ? rc : check_fresh(g, o, e);
    rc = rc ? rc : control_allows(o->key, o->command->target, value, e);
    if (rc) {
        g->refused++;
        return GATE_REFUSED;
    }
    accept(g, o);
    return GATE_ACCEPTED;
}
