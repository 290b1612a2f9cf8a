#include "gateway/gatewayctl/raw.h"
#include "base/text.h"

#include <string.h>

void raw_put_options(struct raw_options *o, struct cli_option *options)
{
    static const struct {
        const char *name, *help;
    } tables[] = {{NULL, NULL},
                  {"coil", "first coil (function 1)"},
                  {"discrete", "first discrete input (function 2)"},
                  {"holding", "first holding register (function 3), counted from 0"},
                  {"input", "first input register (function 4), counted from 0"}};
    *o = (struct raw_options){.unit = -1, .count = 1, .tables = {-1, -1, -1, -1, -1}};
    options[0] = (struct cli_option){.name = "unit",
                                     .type = CLI_NUMBER,
                                     .out = &o->unit,
                                     .value = "N",
                                     .max = 255,
                                     .help = N_("address of the device, 1-247")};
    options[1] = (struct cli_option){.name = "count",
                                     .type = CLI_NUMBER,
                                     .out = &o->count,
                                     .value = "N",
                                     .min = 1,
                                     .max = BUS_BITS_MAX,
                                     .help = N_("how many (default 1)")};
    for (size_t t = TABLE_COIL; t <= TABLE_INPUT; t++)
        options[1 + t] = (struct cli_option){.name = tables[t].name,
                                             .type = CLI_NUMBER,
                                             .out = &o->tables[t],
                                             .value = "ADDRESS",
                                             .max = UINT16_MAX,
                                             .help = tables[t].help};
}

static unsigned tables_given(const struct raw_options *o)
{
    unsigned given = 0;
    for (size_t t = TABLE_COIL; t <= TABLE_INPUT; t++)
        given += o->tables[t] >= 0;
    return given;
}

bool raw_given(const struct raw_options *o)
{
    return tables_given(o) > 0;
}

int raw_request(const struct raw_options *o, struct bus_request *q, struct err *e)
{
    unsigned table = TABLE_COIL;
    if (tables_given(o) != 1)
        return err_set(e, ERR_INVALID,
                       "give one of --holding, --input, --coil and --discrete with the address");
    if (o->unit < 0)
        return err_set(e, ERR_INVALID, "--unit is missing: the device's address, 1-247");
    while (o->tables[table] < 0)
        table++;
    int64_t most = table <= TABLE_DISCRETE ? BUS_BITS_MAX : BUS_REGISTERS_MAX;
    if (o->count > most || o->tables[table] + o->count > UINT16_MAX + 1)
        return err_set(e, ERR_INVALID, "--count %lld: one read carries at most %lld, up to 65535",
                       (long long)o->count, (long long)most);
    *q = (struct bus_request){.unit = (uint8_t)o->unit,
                              .function = (uint8_t)table,
                              .address = (uint16_t)o->tables[table],
                              .count = (uint16_t)o->count};
    return 0;
}
