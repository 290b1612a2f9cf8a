/* Promise: two gatewayd never write one spool; a killed one leaves no lock behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/io/spool/spool_lock.h"

static char dir[64];

static void a_second_process_is_refused_and_told_why(void **state)
{
    (void)state;
    int lock;
    assert_int_equal(spool_lock(dir, &lock, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        struct err e = {0};
        int mine;
        _exit(spool_lock(dir, &mine, &e) == ERR_EXISTS && strstr(e.text, "another gatewayd") ? 0
                                                                                             : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    spool_unlock(lock);
    assert_int_equal(spool_lock(dir, &lock, NULL), 0);
    spool_unlock(lock);
}

static void a_killed_process_leaves_no_lock(void **state)
{
    (void)state;
    int lock;
    pid_t child = fork();
    if (child == 0) {
        if (spool_lock(dir, &lock, NULL) != 0)
            _exit(1);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(spool_lock(dir, &lock, NULL), 0);
    spool_unlock(lock);
}

static void a_directory_that_cannot_be_is_left_to_the_spool(void **state)
{
    (void)state;
    int lock = 7;
    assert_int_equal(spool_lock("/proc/no/such", &lock, NULL), 0);
    assert_int_equal(lock, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_process_is_refused_and_told_why),
        cmocka_unit_test(a_killed_process_leaves_no_lock),
        cmocka_unit_test(a_directory_that_cannot_be_is_left_to_the_spool),
    };
    snprintf(dir, sizeof(dir), "/tmp/ioc-lock-%ld", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return failed;
}
