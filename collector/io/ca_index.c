#include "collector/io/ca_index.h"

#include <stdlib.h>

#include "io/fsx.h"
#include "model/json.h"

#define INDEX_VERSION  1
#define INDEX_FILE_MAX (64 * 1024 * 1024)
#define ENTRY_MAX      512 /* bytes of an entry without its areas */

struct ca_issued *ca_index_find(const struct ca_index *index, const char *name)
{
    for (size_t i = 0; i < index->count; i++)
        if (strcmp(index->issued[i].member.name, name) == 0)
            return &index->issued[i];
    return NULL;
}

static int append(struct ca_index *index, const struct ca_issued *entry, struct err *e)
{
    if (index->count == CA_ISSUED_MAX)
        return err_set(e, ERR_LIMIT, "this CA has issued to %d names, its limit", CA_ISSUED_MAX);
    if (index->count == index->capacity) {
        size_t capacity = index->capacity ? 2 * index->capacity : 64;
        struct ca_issued *grown = realloc(index->issued, capacity * sizeof(*grown));
        if (!grown)
            return err_set(e, ERR_NOMEM, "no memory for the index");
        index->issued = grown;
        index->capacity = capacity;
    }
    index->issued[index->count++] = *entry;
    return 0;
}

int ca_index_put(struct ca_index *index, const struct ca_issued *entry, struct err *e)
{
    struct ca_issued *known = ca_index_find(index, entry->member.name);
    if (!known)
        return append(index, entry, e);
    *known = *entry;
    return 0;
}

void ca_index_finish(struct ca_index *index)
{
    free(index->issued);
    *index = (struct ca_index){0};
}

/* --- writing --- */

static void write_text(struct buf *b, const char *key, const char *text)
{
    buf_fmt(b, "\"%s\":", key);
    json_write_string(b, text);
    buf_char(b, ',');
}

static void write_entry(struct buf *b, const struct ca_issued *entry)
{
    const struct access_member *m = &entry->member;
    buf_char(b, '{');
    write_text(b, "name", m->name);
    write_text(b, "role", access_role_name(m->role));
    buf_str(b, "\"areas\":[");
    for (size_t i = 0; i < m->area_count; i++) {
        buf_str(b, i ? "," : "");
        json_write_string(b, m->areas[i]);
    }
    buf_str(b, "],");
    write_text(b, "serial", entry->serial);
    write_text(b, "key", entry->key);
    buf_fmt(b, "\"not_before\":%lld,\"not_after\":%lld,\"revoked\":%s}",
            (long long)entry->not_before.ms, (long long)entry->not_after.ms,
            entry->revoked ? "true" : "false");
}

int ca_index_save(const struct ca_index *index, const char *dir, struct err *e)
{
    char path[CA_PATH_SIZE];
    size_t size = ENTRY_MAX;
    for (size_t i = 0; i < index->count; i++)
        size += ENTRY_MAX + index->issued[i].member.area_count * (NAME_SIZE + 3);
    char *text = malloc(size);
    if (!text)
        return err_set(e, ERR_NOMEM, "no memory for the index");
    struct buf b;
    buf_init(&b, text, size);
    buf_fmt(&b, "{\"version\":%d,\"issued\":[", INDEX_VERSION);
    for (size_t i = 0; i < index->count; i++) {
        buf_str(&b, i ? ",\n" : "\n");
        write_entry(&b, &index->issued[i]);
    }
    buf_str(&b, "\n]}\n");
    snprintf(path, sizeof(path), "%s/issued.json", dir);
    int ret = b.overflow ? err_set(e, ERR_LIMIT, "%s: no room for the index", path)
                         : fsx_replace_file(path, text, b.len, 0600, e);
    free(text);
    return ret;
}

/* --- reading --- */

static int read_text(const struct json *v, const char *key, char *out, size_t size, struct err *e)
{
    const char *text;
    if (json_string(json_get(v, key), &text) < 0 || strlen(text) >= size)
        return err_set(e, ERR_CORRUPT, "%s is missing or too long", key);
    snprintf(out, size, "%s", text);
    return 0;
}

static int read_areas(const struct json *v, struct access_member *m, struct err *e)
{
    for (const struct json *a = json_first(json_get(v, "areas")); a; a = json_next(a)) {
        const char *area;
        if (json_string(a, &area) < 0 || access_add_area(m, area, e) < 0)
            return err_set(e, ERR_CORRUPT, "areas hold something that is no area");
    }
    return 0;
}

static int read_entry(const struct json *v, struct ca_issued *entry, struct err *e)
{
    char role[16];
    struct access_member *m = &entry->member;
    memset(entry, 0, sizeof(*entry));
    int ret = read_text(v, "name", m->name, sizeof(m->name), e);
    if (ret == 0)
        ret = read_text(v, "role", role, sizeof(role), e);
    if (ret == 0)
        ret = read_text(v, "serial", entry->serial, sizeof(entry->serial), e);
    if (ret == 0)
        ret = read_text(v, "key", entry->key, sizeof(entry->key), e);
    if (ret == 0)
        ret = read_areas(v, m, e);
    if (ret < 0)
        return ret;
    if (!name_valid(m->name) || access_role_parse(role, &m->role) < 0 ||
        json_int(json_get(v, "not_before"), &entry->not_before.ms) < 0 ||
        json_int(json_get(v, "not_after"), &entry->not_after.ms) < 0 ||
        json_bool(json_get(v, "revoked"), &entry->revoked) < 0)
        return err_set(e, ERR_CORRUPT, "a name, role, time or mark is not right");
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_names_differ(const struct ca_index *index, struct err *e)
{
    const char **names = calloc(index->count + 1, sizeof(*names));
    if (!names)
        return err_set(e, ERR_NOMEM, "no memory to check the index");
    int ret = 0;
    for (size_t i = 0; i < index->count; i++)
        names[i] = index->issued[i].member.name;
    qsort(names, index->count, sizeof(*names), by_text);
    for (size_t i = 1; i < index->count && ret == 0; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            ret = err_set(e, ERR_CORRUPT, "'%s' is there twice", names[i]);
    free(names);
    return ret;
}

static int read_index(struct ca_index *index, const struct json_doc *doc, struct err *e)
{
    int64_t version;
    const struct json *root = json_root(doc);
    if (json_int(json_get(root, "version"), &version) < 0 || version != INDEX_VERSION)
        return err_set(e, ERR_CORRUPT, "no index of version %d", INDEX_VERSION);
    for (const struct json *v = json_first(json_get(root, "issued")); v; v = json_next(v)) {
        struct ca_issued entry;
        int ret = read_entry(v, &entry, e);
        if (ret == 0)
            ret = append(index, &entry, e);
        if (ret < 0) {
            err_prefix(e, "line %u", json_line(doc, v));
            return ret;
        }
    }
    return check_names_differ(index, e);
}

int ca_index_load(struct ca_index *index, const char *dir, struct err *e)
{
    char path[CA_PATH_SIZE];
    char *text = NULL;
    size_t len = 0;
    struct json_doc *doc = NULL;
    snprintf(path, sizeof(path), "%s/issued.json", dir);
    int ret = fsx_read_file(path, INDEX_FILE_MAX, &text, &len, e);
    if (ret < 0)
        return ret;
    ret = json_parse(text, len, INDEX_FILE_MAX, JSON_LINES, &doc, e);
    if (ret == 0)
        ret = read_index(index, doc, e);
    if (ret < 0)
        err_prefix(e, "%s", path);
    json_free(doc);
    free(text);
    return ret;
}
