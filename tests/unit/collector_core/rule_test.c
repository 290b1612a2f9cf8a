/*
 * Promise 8: nobody needs the source to run it. Every bad rules file is refused with the line, the
 * path and the reason in its .expect file; the shipped file is read, and selects what it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/core/rule/rule.h"
#include "collector/core/rule/talq.h"
#include "tests/support/text_file.h"

#define BAD     "tests/golden/rules/bad"
#define SHIPPED "shared/data/rules/lai-chau.json"

static char *read_text(const char *path)
{
    static char text[64 * 1024];
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s cannot be opened; run from the top of the source tree", path);
    size_t len = fread(text, 1, sizeof(text) - 1, f);
    assert_int_equal(fclose(f), 0);
    text[len] = '\0';
    return text;
}

static void check_refusal(const char *name)
{
    char path[512];
    char expected[512];
    struct rules *rules = NULL;
    struct err e = {0};
    snprintf(path, sizeof(path), BAD "/%s.expect", name);
    snprintf(expected, sizeof(expected), "%s", read_text(path));
    expected[strcspn(expected, "\n")] = '\0';
    snprintf(path, sizeof(path), BAD "/%s.json", name);
    const char *text = read_text(path);
    if (rules_parse(text, strlen(text), &rules, &e) == 0)
        fail_msg("%s was accepted", path);
    assert_null(rules);
    if (!strstr(e.text, expected))
        fail_msg("%s: \"%s\" does not say \"%s\"", path, e.text, expected);
}

static void each_bad_file_is_refused_with_its_reason(void **state)
{
    (void)state;
    DIR *dir = opendir(BAD);
    unsigned count = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char *end = strstr(entry->d_name, ".json");
        if (!end)
            continue;
        *end = '\0';
        check_refusal(entry->d_name);
        count++;
    }
    closedir(dir);
    assert_true(count >= 20);
}

static struct rules *shipped(void)
{
    struct rules *rules = NULL;
    struct err e = {0};
    const char *text = read_text(SHIPPED);
    if (rules_parse(text, strlen(text), &rules, &e) < 0)
        fail_msg("%s: %s", SHIPPED, e.text);
    return rules;
}

static void the_shipped_rules_select_by_kind(void **state)
{
    (void)state;
    struct rules *rules = shipped();
    const struct rule *pm = rules_find(rules, "pm2-5-high");
    const struct rule *offline = rules_find(rules, "gateway-cut-off");
    struct rule_object o = {.area = "tan-phong",
                            .gateway = "gw-1",
                            .device = "air-1",
                            .point = "pm2-5",
                            .kind = kind_find("pm2_5")};
    assert_non_null(pm);
    assert_non_null(offline);
    assert_true(rule_selects(pm, &o));
    assert_false(rule_selects(offline, &o));
    o.kind = kind_find("pm10");
    assert_false(rule_selects(pm, &o));
    o = (struct rule_object){.area = "tan-phong", .gateway = "gw-1"};
    assert_false(rule_selects(pm, &o));
    assert_true(rule_selects(offline, &o));
    assert_null(rules_find(rules, "no-such-rule"));
    rules_free(rules);
}

/* QCVN 05:2023: 50 until the end of 2025 and 45 from then on, by Viet Nam's calendar. */
static void the_shipped_pm2_5_limit_changes_with_the_law(void **state)
{
    (void)state;
    struct rules *rules = shipped();
    const struct rule *pm = rules_find(rules, "pm2-5-high");
    const int64_t new_year = INT64_C(1767200400000); /* 2026-01-01T00:00+07:00 */
    assert_true(rule_limit_at(pm, (struct clk_utc){new_year - 1})->value == 50);
    assert_true(rule_limit_at(pm, (struct clk_utc){new_year})->value == 45);
    rules_free(rules);
}

static void each_shipped_rule_says_who_acts_in_both_languages(void **state)
{
    (void)state;
    struct rules *rules = shipped();
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *r = &rules->list[i];
        assert_true(r->agency[0] && r->text_vi[0] && r->text_en[0] && r->cause[0]);
        assert_string_not_equal(r->text_vi, r->text_en);
        assert_true(r->talq_event[0] == '\0' || talq_event_known(r->talq_event));
    }
    assert_true(rules->count >= 20);
    rules_free(rules);
}

static void points_pair_by_pattern_or_by_their_first_number(void **state)
{
    (void)state;
    struct rules *rules = shipped();
    const struct rule *lamp = rules_find(rules, "lamp-out");
    struct rule_object o = {"a", "g", "relay", "k12", kind_find("lamp_command")};
    char star[NAME_SIZE];
    assert_true(rule_operand_selects(lamp, &lamp->when, &o, star));
    assert_string_equal(star, "12");
    o.point = "k12-real-3";
    o.kind = kind_find("lamp_state");
    assert_false(rule_operand_selects(lamp, &lamp->when, &o, star));
    assert_true(rule_operand_selects(lamp, &lamp->expect, &o, star));
    assert_string_equal(star, "12");
    rules_free(rules);
}

static void the_reference_page_follows_the_table(void **state)
{
    (void)state;
    static char page[64 * 1024];
    struct buf out;
    buf_init(&out, page, sizeof(page));
    rules_document(&out);
    assert_false(out.overflow);
    text_file_matches("docs/configuration-rules.md", buf_cstr(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bad_file_is_refused_with_its_reason),
        cmocka_unit_test(the_shipped_rules_select_by_kind),
        cmocka_unit_test(the_shipped_pm2_5_limit_changes_with_the_law),
        cmocka_unit_test(each_shipped_rule_says_who_acts_in_both_languages),
        cmocka_unit_test(points_pair_by_pattern_or_by_their_first_number),
        cmocka_unit_test(the_reference_page_follows_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
