#include "base/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int usage(const char *program, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int usage(const char *program, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "%s: ", program);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, _("\nTry '%s --help'.\n"), program);
    return CLI_USAGE;
}

static void print_help(const struct cli_command *c)
{
    printf(_("Usage: %s [options]%s%s\n\n%s\n\nOptions:\n"), c->name, c->operands ? " " : "",
           c->operands ? c->operands : "", text_get(c->summary));
    for (const struct cli_option *o = c->options; o->name; o++) {
        char left[48];
        const char letter[] = {'-', o->letter, ',', ' ', '\0'};
        snprintf(left, sizeof(left), "%s--%s%s%s", o->letter ? letter : "", o->name,
                 o->value ? " " : "", o->value ? o->value : "");
        printf("  %-24s %s%s%s\n", left, text_get(o->help), o->required ? _(" (required)") : "",
               o->type == CLI_LIST ? _(" (may be repeated)") : "");
    }
    printf("  %-24s %s\n", "--help", _("show this text"));
}

static const struct cli_option *find_option(const struct cli_command *c, const char *name,
                                            size_t len)
{
    for (const struct cli_option *o = c->options; o->name; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static int take_number(const struct cli_command *c, const struct cli_option *o, const char *text)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || end == text || *end || n < o->min || n > o->max)
        return usage(c->name, _("--%s takes a whole number from %lld to %lld, not '%s'"), o->name,
                     (long long)o->min, (long long)o->max, text);
    *(int64_t *)o->out = n;
    return CLI_OK;
}

/* How many seconds the unit after a number has; 0: no unit. */
static int64_t unit_seconds(const char *unit)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(unit, units[i].unit) == 0)
            return units[i].seconds;
    return 0;
}

static int take_duration(const struct cli_command *c, const struct cli_option *o, const char *text)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    int64_t unit = unit_seconds(end);
    if (errno || end == text || unit == 0 || n < 0 || n > o->max / unit || n * unit < o->min)
        return usage(c->name,
                     "--%s takes %lld to %lld seconds, written as 90s, 30m, 2h or 1d, not '%s'",
                     o->name, (long long)o->min, (long long)o->max, text);
    *(int64_t *)o->out = n * unit;
    return CLI_OK;
}

static int take_value(const struct cli_command *c, const struct cli_option *o, const char *text)
{
    struct cli_list *list = o->out;
    switch (o->type) {
    case CLI_FLAG:
        *(bool *)o->out = true;
        return CLI_OK;
    case CLI_TEXT:
        *(const char **)o->out = text;
        return CLI_OK;
    case CLI_NUMBER:
        return take_number(c, o, text);
    case CLI_DURATION:
        return take_duration(c, o, text);
    case CLI_LIST:
        if (list->count == CLI_LIST_MAX)
            return usage(c->name, _("--%s may be given at most %d times"), o->name, CLI_LIST_MAX);
        list->items[list->count++] = text;
        return CLI_OK;
    }
    return CLI_OK;
}

static const struct cli_option *find_letter(const struct cli_command *c, char letter)
{
    for (const struct cli_option *o = c->options; o->name; o++)
        if (o->letter && o->letter == letter)
            return o;
    return NULL;
}

/* Handles argv[*i], "--name", "--name=value" or "-n", and the value after it; marks it as seen. */
static int take_option(const struct cli_command *c, int argc, char **argv, int *i, uint64_t *seen)
{
    const char *arg = argv[*i], *name = arg + 2;
    bool is_long = arg[1] == '-';
    size_t len = is_long ? strcspn(name, "=") : 0;
    const struct cli_option *o = is_long          ? find_option(c, name, len)
                                 : arg[2] == '\0' ? find_letter(c, arg[1])
                                                  : NULL;
    if (!o)
        return usage(c->name, _("there is no option %.*s"), (int)(is_long ? len + 2 : strlen(arg)),
                     arg);
    uint64_t bit = UINT64_C(1) << (o - c->options);
    if ((*seen & bit) && o->type != CLI_LIST)
        return usage(c->name, _("--%s is given twice"), o->name);
    *seen |= bit;
    if (o->type == CLI_FLAG)
        return name[len] ? usage(c->name, _("--%s takes no value"), o->name)
                         : take_value(c, o, NULL);
    if (name[len])
        return take_value(c, o, name + len + 1);
    if (*i + 1 >= argc)
        return usage(c->name, _("--%s wants a value (%s)"), o->name, o->value);
    return take_value(c, o, argv[++*i]);
}

static int check_complete(const struct cli_command *c, uint64_t seen, size_t operands)
{
    for (const struct cli_option *o = c->options; o->name; o++)
        if (o->required && !(seen & (UINT64_C(1) << (o - c->options))))
            return usage(c->name, _("--%s %s is missing"), o->name, o->value ? o->value : "");
    if (operands < c->operand_min)
        return usage(c->name, _("%s is missing"), c->operands);
    return CLI_OK;
}

bool cli_parse(const struct cli_command *command, int argc, char **argv, const char **operands,
               int *exit_code)
{
    size_t count = 0;
    uint64_t seen = 0;
    bool options = true;
    *exit_code = CLI_OK;
    for (int i = 1; i < argc && *exit_code == CLI_OK; i++) {
        const char *arg = argv[i];
        if (options && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            print_help(command);
            return false;
        }
        if (options && strcmp(arg, "--") == 0)
            options = false;
        else if (options && arg[0] == '-' && arg[1])
            *exit_code = take_option(command, argc, argv, &i, &seen);
        else if (count == command->operand_max)
            *exit_code = usage(command->name, _("'%s' is one word too many"), arg);
        else
            operands[count++] = arg;
    }
    if (*exit_code == CLI_OK)
        *exit_code = check_complete(command, seen, count);
    for (; *exit_code == CLI_OK && count < command->operand_max; count++)
        operands[count] = NULL;
    return *exit_code == CLI_OK;
}

static int print_version(const char *program)
{
    return printf("%s %s\n", program, IOC_VERSION) < 0 ? CLI_FAILED : CLI_OK;
}

bool cli_parse_daemon(struct cli_daemon *daemon, int argc, char **argv, int *exit_code)
{
    bool version = false;
    char config_help[128];
    snprintf(config_help, sizeof(config_help), "the configuration (default %s)", daemon->config);
    const struct cli_option options[] = {
        {.name = "config",
         .type = CLI_TEXT,
         .out = &daemon->config,
         .value = "FILE",
         .letter = 'c',
         .help = config_help},
        {.name = "check",
         .type = CLI_FLAG,
         .out = &daemon->check,
         .letter = 'n',
         .help = "check the configuration and what it names, and end: 0 good, 2 bad"},
        {.name = "print",
         .type = CLI_FLAG,
         .out = &daemon->print,
         .letter = 'p',
         .help = "print what would run, defaults filled in, and end"},
        {.name = "version",
         .type = CLI_FLAG,
         .out = &version,
         .letter = 'V',
         .help = "print the version and end"},
        {.name = NULL}};
    const struct cli_command command = {
        .name = daemon->name, .summary = daemon->summary, .options = options};
    if (!cli_parse(&command, argc, argv, NULL, exit_code))
        return false;
    if (version)
        *exit_code = print_version(daemon->name);
    return !version;
}

int cli_dispatch(const char *program, const char *summary, const struct cli_verb *verbs, int argc,
                 char **argv)
{
    if (argc < 2)
        return usage(program, _("which command?"));
    for (const struct cli_verb *v = verbs; v->name; v++)
        if (strcmp(v->name, argv[1]) == 0)
            return v->run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0)
        return print_version(program);
    if (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)
        return usage(program, _("there is no command '%s'"), argv[1]);
    printf(_("Usage: %s COMMAND [options]\n\n%s\n\nCommands:\n"), program, text_get(summary));
    for (const struct cli_verb *v = verbs; v->name; v++)
        printf("  %-12s %s\n", v->name, text_get(v->summary));
    printf(_("\n'%s COMMAND --help' tells more. Exit codes: 0 done, 1 failed, 2 bad input, 64 bad "
             "usage.\n"),
           program);
    return CLI_OK;
}

int cli_fail(const char *program, const struct err *e)
{
    fprintf(stderr, "%s: %s\n", program, e->text);
    switch (e->code) {
    case ERR_INVALID:
    case ERR_LIMIT:
    case ERR_EXISTS:
    case ERR_DENIED:
    case ERR_CORRUPT:
    case ERR_MISMATCH:
        return CLI_BAD_INPUT;
    default:
        return CLI_FAILED;
    }
}
