#include "collector/core/journal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The strings of an entry, in the order in which they lie in its bytes. */
enum { TOPIC, KEY, AREA, WHO, WHAT, OBJECT, TEXT, STRINGS };

struct slot {
    struct journal_entry entry; /* its pointers lead into the ring */
    size_t offset, size;
    bool done, told;
};

struct journal {
    size_t entries_max, bytes_max;
    struct slot *slots;
    char *bytes;
    /* Ever rising; an entry's slot is its index modulo entries_max. */
    uint64_t head, sent, committed, batched, tail;
    uint64_t refused;
};

int journal_create(size_t entries_max, size_t bytes_max, struct journal **out, struct err *e)
{
    struct journal *j = calloc(1, sizeof(*j));
    *out = NULL;
    if (j) {
        j->entries_max = entries_max;
        j->bytes_max = bytes_max;
        j->slots = calloc(entries_max, sizeof(*j->slots));
        j->bytes = malloc(bytes_max);
    }
    if (!j || !j->slots || !j->bytes) {
        journal_destroy(j);
        return err_set(e, ERR_NOMEM, "no memory for a journal of %zu bytes", bytes_max);
    }
    *out = j;
    return 0;
}

void journal_destroy(struct journal *j)
{
    if (!j)
        return;
    free(j->slots);
    free(j->bytes);
    free(j);
}

static struct slot *slot_at(const struct journal *j, uint64_t index)
{
    return &j->slots[index % j->entries_max];
}

/* Where `size` bytes fit in one piece behind the newest entry; false when nowhere. */
static bool find_room(const struct journal *j, size_t size, size_t *offset)
{
    if (j->tail - j->head == j->entries_max || size > j->bytes_max)
        return false;
    *offset = 0;
    if (j->tail == j->head)
        return true;
    const struct slot *newest = slot_at(j, j->tail - 1);
    size_t end = newest->offset + newest->size;
    size_t start = slot_at(j, j->head)->offset;
    if (newest->offset < start) { /* wrapped: free is between the newest and the oldest */
        *offset = end;
        return size <= start - end;
    }
    if (size <= j->bytes_max - end) {
        *offset = end;
        return true;
    }
    return size <= start;
}

static const void *copy(char **to, const void *from, size_t len)
{
    char *at = *to;
    if (len)
        memcpy(at, from, len);
    *to += len;
    return at;
}

static void gather(const struct journal_entry *e, const char *strings[STRINGS])
{
    const char *all[STRINGS] = {e->topic, e->key, e->area, e->who, e->what, e->object, e->text};
    for (int i = 0; i < STRINGS; i++)
        strings[i] = all[i] ? all[i] : "";
}

int journal_put(struct journal *j, const struct journal_entry *e)
{
    const char *strings[STRINGS];
    size_t offset;
    size_t size = e->row_len + e->payload_len;
    gather(e, strings);
    for (int i = 0; i < STRINGS; i++)
        size += strlen(strings[i]) + 1;
    if (!find_room(j, size, &offset)) {
        j->refused++;
        return ERR_FULL;
    }
    struct slot *s = slot_at(j, j->tail);
    char *to = j->bytes + offset;
    *s = (struct slot){.entry = *e, .offset = offset, .size = size};
    s->entry.row = copy(&to, e->row, e->row_len);
    s->entry.payload = copy(&to, e->payload, e->payload_len);
    const char **places[STRINGS] = {&s->entry.topic, &s->entry.key,  &s->entry.area,
                                    &s->entry.who,   &s->entry.what, &s->entry.object,
                                    &s->entry.text};
    for (int i = 0; i < STRINGS; i++)
        *places[i] = copy(&to, strings[i], strlen(strings[i]) + 1);
    j->tail++;
    return 0;
}

int journal_put_committed(struct journal *j, const struct journal_entry *e)
{
    assert(j->committed == j->tail);
    int rc = journal_put(j, e);
    if (rc == 0)
        j->committed = j->batched = j->tail;
    return rc;
}

bool journal_peek_waiting(const struct journal *j, struct journal_entry *e)
{
    if (j->batched == j->tail)
        return false;
    *e = slot_at(j, j->batched)->entry;
    return true;
}

void journal_batched(struct journal *j, uint64_t number)
{
    assert(j->batched < j->tail);
    slot_at(j, j->batched++)->entry.number = number;
}

void journal_committed(struct journal *j)
{
    j->committed = j->batched;
}

void journal_failed(struct journal *j)
{
    j->batched = j->committed;
}

bool journal_take_untold(struct journal *j, struct journal_entry *e)
{
    for (uint64_t i = j->committed; i < j->tail; i++) {
        struct slot *s = slot_at(j, i);
        if (s->told || s->entry.kind != JOURNAL_ALARM)
            continue;
        s->told = true;
        *e = s->entry;
        return true;
    }
    return false;
}

bool journal_peek_committed(const struct journal *j, struct journal_entry *e)
{
    if (j->sent == j->committed)
        return false;
    *e = slot_at(j, j->sent)->entry;
    return true;
}

void journal_sent(struct journal *j)
{
    assert(j->sent < j->committed);
    j->sent++;
}

void journal_published(struct journal *j, uint64_t number)
{
    for (uint64_t i = j->head; i < j->sent; i++) {
        if (slot_at(j, i)->entry.number == number) {
            slot_at(j, i)->done = true;
            break;
        }
    }
    while (j->head < j->sent && slot_at(j, j->head)->done)
        j->head++;
}

void journal_unsent(struct journal *j)
{
    for (uint64_t i = j->head; i < j->sent; i++)
        slot_at(j, i)->done = false;
    j->sent = j->head;
}

bool journal_has_key(const struct journal *j, const char *key)
{
    for (uint64_t i = j->head; i < j->tail; i++)
        if (strcmp(slot_at(j, i)->entry.key, key) == 0)
            return true;
    return false;
}

size_t journal_depth(const struct journal *j)
{
    return (size_t)(j->tail - j->head);
}

uint64_t journal_refused(const struct journal *j)
{
    return j->refused;
}
