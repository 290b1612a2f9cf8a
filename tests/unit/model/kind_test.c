/* Promise: every kind has one meaning: one name, one unit, a range and a label in both languages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/kind.h"

static void every_kind_is_complete_and_named_once(void **state)
{
    (void)state;
    unsigned n = 0;
    for (const struct kind *k; (k = kind_at(n)); n++) {
        assert_ptr_equal(kind_find(k->name), k); /* a second one of the name would not be found */
        assert_true(strspn(k->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(k->name));
        assert_true(k->label_vi[0] && k->label_en[0]);
        bool measured = k->type == KIND_NUMBER || k->type == KIND_COUNTER;
        assert_int_equal(k->unit[0] != '\0', measured);
        assert_true(k->type == KIND_STRING || k->min < k->max);
        assert_true(kind_class_name(k->class)[0] && kind_type_name(k->type)[0]);
    }
    assert_true(n > 60);
    assert_null(kind_at(n + 1));
}

static void the_vocabulary_holds_what_rules_build_on(void **state)
{
    (void)state;
    static const char *const names[] = {"pm2_5",        "pm10",       "noise",     "humidity",
                                        "water_level",  "soil_ec",    "voltage",   "energy",
                                        "power_factor", "lamp_state", "occupancy", "vehicle_count",
                                        "vms_message",  "uptime"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        assert_non_null(kind_find(names[i]));
    assert_string_equal(kind_find("pm2_5")->unit, "ug/m3");
    assert_int_equal(kind_find("energy")->type, KIND_COUNTER);
    assert_int_equal(kind_find("lamp_state")->type, KIND_BOOL);
    assert_string_equal(kind_class_name(kind_find("speed")->class), "traffic");
    assert_null(kind_find("pm25"));
    assert_null(kind_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_complete_and_named_once),
        cmocka_unit_test(the_vocabulary_holds_what_rules_build_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
