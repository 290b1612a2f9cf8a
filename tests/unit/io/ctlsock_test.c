/* Promise: the control socket answers who may ask, line by line, and nobody who asks can harm the
 * daemon: not by not reading, not by lines without end, not by coming in crowds; and a daemon never
 * takes the socket of one that lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "io/ctlsock.h"
#include "tests/support/scratch.h"

#define PATIENCE_MS 10000

struct fixture {
    char dir[SCRATCH_SIZE], path[SCRATCH_SIZE + 16];
    struct loop *loop;
    struct ctlsock *server;
    unsigned requests, gone;
    size_t echo;                  /* lines sent back for each request */
    struct ctlsock_client *asker; /* of the last request */
    int sent;                     /* what the last ctlsock_send said */
    char last[64];
};

static void on_request(void *owner, struct ctlsock_client *client, const char *line, size_t len)
{
    struct fixture *f = owner;
    f->requests++;
    f->asker = client;
    snprintf(f->last, sizeof(f->last), "%s", line);
    assert_int_equal(strlen(line), len);
    for (size_t i = 0; i < f->echo && (i == 0 || f->sent == 0); i++)
        f->sent = ctlsock_send(client, line, len);
}

static void on_gone(void *owner, struct ctlsock_client *client)
{
    struct fixture *f = owner;
    f->gone++;
    if (client == f->asker)
        f->asker = NULL;
}

static int serve(struct fixture *f, struct ctlsock **out, struct err *e)
{
    const struct ctlsock_handlers handlers = {.request = on_request, .gone = on_gone, .owner = f};
    return ctlsock_create(f->loop, f->path, &handlers, out, e);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    assert_int_equal(scratch_make(f->dir, "ctlsock"), 0);
    snprintf(f->path, sizeof(f->path), "%s/d.sock", f->dir);
    f->loop = loop_create(clk_system());
    f->echo = 1;
    struct err e = {0};
    assert_int_equal(serve(f, &f->server, &e), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ctlsock_destroy(f->server);
    loop_destroy(f->loop);
    assert_int_equal(scratch_remove(f->dir), 0);
    free(f);
    return 0;
}

static struct ctlsock_link *connect_to(struct fixture *f)
{
    struct ctlsock_link *link;
    struct err e = {0};
    if (ctlsock_connect(f->path, &link, &e) != 0)
        fail_msg("%s", e.text);
    return link;
}

/* Turns the loop until nothing more happens. */
static void settle(struct fixture *f)
{
    for (int i = 0; i < 64; i++)
        assert_int_equal(loop_turn(f->loop, 0), 0);
}

static void assert_line(struct ctlsock_link *link, const char *text)
{
    const char *line;
    size_t len;
    struct err e = {0};
    if (ctlsock_next(link, PATIENCE_MS, &line, &len, &e) != 0)
        fail_msg("%s", e.text);
    assert_string_equal(line, text);
    assert_int_equal(len, strlen(text));
}

static void assert_hung_up(struct ctlsock_link *link)
{
    const char *line;
    size_t len;
    int rc;
    while ((rc = ctlsock_next(link, PATIENCE_MS, &line, &len, NULL)) == 0)
        ;
    assert_int_equal(rc, ERR_NOTFOUND);
}

static void a_request_is_answered_by_its_lines(void **state)
{
    struct fixture *f = *state;
    struct ctlsock_link *link = connect_to(f);
    f->echo = 3;
    assert_int_equal(ctlsock_ask(link, "{\"a\":1}", 7, NULL), 0);
    settle(f);
    for (int i = 0; i < 3; i++)
        assert_line(link, "{\"a\":1}");
    assert_int_equal(ctlsock_uid(f->asker), getuid());
    ctlsock_close(link);
    settle(f);
    assert_int_equal(f->gone, 1);
}

static void a_line_in_pieces_is_one_request_and_two_in_a_piece_are_two(void **state)
{
    struct fixture *f = *state;
    struct ctlsock_link *link = connect_to(f);
    int fd = ctlsock_fd(link);
    assert_int_equal(send(fd, "he", 2, 0), 2);
    settle(f);
    assert_int_equal(f->requests, 0);
    assert_int_equal(send(fd, "llo\nyou\nan", 10, 0), 10);
    settle(f);
    assert_int_equal(f->requests, 2);
    assert_line(link, "hello");
    assert_line(link, "you");
    ctlsock_close(link);
}

static void an_answer_that_does_not_come_ends_at_the_deadline(void **state)
{
    struct fixture *f = *state;
    struct ctlsock_link *link = connect_to(f);
    const char *line;
    size_t len;
    struct err e = {0};
    assert_int_equal(ctlsock_next(link, 20, &line, &len, &e), ERR_TIMEOUT);
    assert_non_null(strstr(e.text, f->path));
    ctlsock_close(link);
}

static void a_client_that_does_not_read_is_cut_off_and_the_others_stay(void **state)
{
    struct fixture *f = *state;
    struct ctlsock_link *slow = connect_to(f), *other = connect_to(f);
    static char line[60000];
    memset(line, 'x', sizeof(line));
    f->echo = SIZE_MAX; /* until it is cut off */
    assert_int_equal(ctlsock_ask(slow, line, sizeof(line), NULL), 0);
    settle(f);
    assert_int_equal(f->sent, ERR_FULL);
    assert_int_equal(f->gone, 1);
    f->echo = 1;
    assert_int_equal(ctlsock_ask(other, "me", 2, NULL), 0);
    settle(f);
    assert_line(other, "me");
    assert_hung_up(slow);
    ctlsock_close(slow);
    ctlsock_close(other);
}

static void a_slow_reader_gets_everything_that_fits(void **state)
{
    struct fixture *f = *state;
    struct ctlsock_link *link = connect_to(f);
    static char line[32000];
    memset(line, 'y', sizeof(line) - 1);
    f->echo = 24; /* more than the kernel takes, less than the limit */
    assert_int_equal(ctlsock_ask(link, line, sizeof(line) - 1, NULL), 0);
    settle(f);
    assert_int_equal(f->sent, 0);
    for (int i = 0; i < 24; i++) {
        assert_line(link, line);
        settle(f);
    }
    assert_int_equal(f->gone, 0);
    ctlsock_close(link);
}

static void a_line_without_end_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    struct ctlsock_link *link = connect_to(f);
    static char piece[4096];
    memset(piece, 'z', sizeof(piece));
    for (size_t sent = 0; f->gone == 0; sent += sizeof(piece)) {
        assert_true(sent <= 2 * CTLSOCK_LINE_MAX);
        (void)!send(ctlsock_fd(link), piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
        settle(f);
    }
    assert_int_equal(f->requests, 0);
    assert_hung_up(link);
    ctlsock_close(link);
}

static void a_client_too_many_is_told_so(void **state)
{
    struct fixture *f = *state;
    struct ctlsock_link *links[CTLSOCK_CLIENTS_MAX + 1];
    for (size_t i = 0; i <= CTLSOCK_CLIENTS_MAX; i++) {
        links[i] = connect_to(f);
        settle(f);
    }
    const char *line;
    size_t len;
    assert_int_equal(ctlsock_next(links[CTLSOCK_CLIENTS_MAX], PATIENCE_MS, &line, &len, NULL), 0);
    assert_non_null(strstr(line, "\"full\""));
    assert_hung_up(links[CTLSOCK_CLIENTS_MAX]);
    ctlsock_close(links[0]);
    settle(f);
    struct ctlsock_link *again = connect_to(f);
    assert_int_equal(ctlsock_ask(again, "in", 2, NULL), 0);
    settle(f);
    assert_line(again, "in");
    ctlsock_close(again);
    for (size_t i = 1; i <= CTLSOCK_CLIENTS_MAX; i++)
        ctlsock_close(links[i]);
}

static void only_owner_and_group_may_open_it(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
}

static void the_socket_of_a_living_daemon_is_not_taken(void **state)
{
    struct fixture *f = *state;
    struct ctlsock *second;
    struct err e = {0};
    assert_int_equal(serve(f, &second, &e), ERR_EXISTS);
    assert_non_null(strstr(e.text, "another daemon"));
    struct ctlsock_link *link = connect_to(f); /* the first one still answers */
    assert_int_equal(ctlsock_ask(link, "hi", 2, NULL), 0);
    settle(f);
    assert_line(link, "hi");
    ctlsock_close(link);
}

static void the_socket_of_a_dead_daemon_is_replaced(void **state)
{
    struct fixture *f = *state;
    ctlsock_destroy(f->server);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd); /* as a crash leaves it */
    struct err e = {0};
    assert_int_equal(serve(f, &f->server, &e), 0);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct fixture *f = *state;
    ctlsock_destroy(f->server);
    f->server = NULL;
    int fd = open(f->path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    struct ctlsock *s;
    struct err e = {0};
    assert_int_equal(serve(f, &s, &e), ERR_EXISTS);
    assert_int_equal(access(f->path, F_OK), 0);
}

static void a_path_too_long_for_a_socket_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct ctlsock_handlers handlers = {.request = on_request, .owner = f};
    struct ctlsock *s;
    struct err e = {0};
    char path[200];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(ctlsock_create(f->loop, path, &handlers, &s, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "shorter"));
}

static void who_asks_a_daemon_that_is_not_there_is_told_what_to_do(void **state)
{
    struct fixture *f = *state;
    ctlsock_destroy(f->server);
    f->server = NULL;
    struct ctlsock_link *link;
    struct err e = {0};
    assert_int_equal(ctlsock_connect(f->path, &link, &e), ERR_NOTFOUND);
    assert_non_null(strstr(e.text, "is it running"));
}

/* Root passes every right, so the test becomes somebody else; the directory is closed to others,
 * since not every kernel looks at the rights of the socket itself. */
static void who_has_no_right_is_told_so(void **state)
{
    struct fixture *f = *state;
    if (getuid() != 0)
        skip();
    assert_int_equal(seteuid(65534), 0);
    struct ctlsock_link *link;
    struct err e = {0};
    int rc = ctlsock_connect(f->path, &link, &e);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, ERR_DENIED);
    assert_non_null(strstr(e.text, "group"));
}

static void the_end_of_the_daemon_tells_every_client(void **state)
{
    struct fixture *f = *state;
    struct ctlsock_link *link = connect_to(f);
    settle(f);
    ctlsock_destroy(f->server);
    f->server = NULL;
    assert_int_equal(f->gone, 1);
    assert_hung_up(link);
    ctlsock_close(link);
    assert_int_not_equal(access(f->path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered_by_its_lines),
        TEST(a_line_in_pieces_is_one_request_and_two_in_a_piece_are_two),
        TEST(an_answer_that_does_not_come_ends_at_the_deadline),
        TEST(a_client_that_does_not_read_is_cut_off_and_the_others_stay),
        TEST(a_slow_reader_gets_everything_that_fits),
        TEST(a_line_without_end_ends_the_connection),
        TEST(a_client_too_many_is_told_so),
        TEST(only_owner_and_group_may_open_it),
        TEST(the_socket_of_a_living_daemon_is_not_taken),
        TEST(the_socket_of_a_dead_daemon_is_replaced),
        TEST(a_file_that_is_no_socket_is_left_alone),
        TEST(a_path_too_long_for_a_socket_is_refused),
        TEST(who_asks_a_daemon_that_is_not_there_is_told_what_to_do),
        TEST(who_has_no_right_is_told_so),
        TEST(the_end_of_the_daemon_tells_every_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
