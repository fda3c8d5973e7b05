//  Certificates and the trust store: files with and without faults.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <czmq.h>
#include <sys/stat.h>

#include "cert.h"

typedef struct {
    char home[128], error[CERT_ERROR];
    cert_t ana, bob;
} fixture_t;

static const char *at(fixture_t *f, const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", f->home, name);
    return path;
}

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    strcpy(f->home, "/tmp/alua-test-cert-XXXXXX");
    assert_non_null(mkdtemp(f->home));
    assert_true(cert_new(&f->ana, "ana") && cert_new(&f->bob, "bob"));
    umask(022);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    zdir_t *dir = zdir_new(f->home, NULL);
    zdir_remove(dir, true);
    zdir_destroy(&dir);
    free(f);
    return 0;
}

static void write_file(const char *path, const void *text, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void expect(fixture_t *f, bool ok, const char *says)
{
    assert_false(ok);
    if (!strstr(f->error, says))
        fail_msg("\"%s\" does not say \"%s\"", f->error, says);
}

static mode_t mode_of(const char *path)
{
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    return file.st_mode & 07777;
}

//  ---- Certificates ---------------------------------------------------------

static void test_what_is_saved_is_loaded(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    assert_true(cert_save(&f->ana, at(f, "x"), f->error));
    assert_int_equal(mode_of(at(f, "x.key")), 0600);
    assert_true(cert_load(&cert, at(f, "x.key"), true, f->error));
    assert_memory_equal(&cert, &f->ana, sizeof cert);
    assert_true(cert_load(&cert, at(f, "x.pub"), false, f->error));
    assert_string_equal(cert.name, "ana");
    assert_string_equal(cert.public_key, f->ana.public_key);
    assert_string_equal(cert.secret_key, "");
    expect(f, cert_load(&cert, at(f, "x.pub"), true, f->error), "no private half");
    assert_true(cert_load(&cert, at(f, "x.key"), false, f->error));
    assert_string_equal(cert.secret_key, "");
}

static void test_nothing_is_overwritten(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    assert_true(cert_save(&f->ana, at(f, "x"), f->error));
    expect(f, cert_save(&f->bob, at(f, "x"), f->error), "not overwritten");
    unlink(at(f, "x.pub"));
    expect(f, cert_save(&f->bob, at(f, "x"), f->error), "not overwritten");
    assert_true(cert_load(&cert, at(f, "x.key"), true, f->error));
    assert_string_equal(cert.name, "ana");
    assert_int_equal(access(at(f, "x.pub"), F_OK), -1);
}

static void test_czmq_reads_ours(void **state)
{
    fixture_t *f = *state;
    assert_true(cert_save(&f->ana, at(f, "x"), f->error));
    zcert_t *cert = zcert_load(at(f, "x.key"));
    assert_non_null(cert);
    assert_string_equal(zcert_public_txt(cert), f->ana.public_key);
    assert_string_equal(zcert_secret_txt(cert), f->ana.secret_key);
    assert_string_equal(zcert_meta(cert, "name"), "ana");
    zcert_destroy(&cert);
}

static void test_we_read_czmqs(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    for (int i = 0; i < 50; i++) {      //  Keys have all sorts of characters
        zcert_t *theirs = zcert_new();
        zcert_set_meta(theirs, "name", "zoe");
        zcert_set_meta(theirs, "email", "zoe@example.org");
        assert_int_equal(zcert_save(theirs, at(f, "z.pub")), 0);
        assert_true(cert_load(&cert, at(f, "z.pub_secret"), true, f->error));
        assert_string_equal(cert.public_key, zcert_public_txt(theirs));
        assert_string_equal(cert.secret_key, zcert_secret_txt(theirs));
        assert_string_equal(cert.name, "zoe");
        assert_true(cert_load(&cert, at(f, "z.pub"), false, f->error));
        zcert_destroy(&theirs);
    }
}

static void test_one_without_a_name_is_named_like_its_file(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    zcert_t *theirs = zcert_new();
    assert_int_equal(zcert_save_public(theirs, at(f, "zoe.pub")), 0);
    assert_true(cert_load(&cert, at(f, "zoe.pub"), false, f->error));
    assert_string_equal(cert.name, "zoe");
    zcert_destroy(&theirs);
}

static void test_loose_rights_are_refused(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    static const mode_t loose[] = { 0640, 0604, 0620, 0602, 0644, 0666, 0610 };
    assert_true(cert_save(&f->ana, at(f, "ana"), f->error));
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        chmod(at(f, "ana.key"), loose[i]);
        expect(f, cert_load(&cert, at(f, "ana.key"), true, f->error), "chmod 600 ");
        assert_non_null(strstr(f->error, "ana.key"));
        assert_string_equal(cert.secret_key, "");
    }
    chmod(at(f, "ana.key"), 0400);
    assert_true(cert_load(&cert, at(f, "ana.key"), true, f->error));
    chmod(at(f, "ana.pub"), 0664);
    expect(f, cert_load(&cert, at(f, "ana.pub"), false, f->error), "chmod go-w ");
}

//  As systemd hands them on: root's, and the group's right stands for an access list. Nobody but root can make one.
static void test_a_credential_of_systemd(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    if (geteuid() != 0)
        skip();
    assert_true(cert_save(&f->ana, at(f, "ana"), f->error));
    chmod(at(f, "ana.key"), 0440);
    expect(f, cert_load(&cert, at(f, "ana.key"), true, f->error), "chmod 600 ");
    setenv("CREDENTIALS_DIRECTORY", f->home, 1);
    assert_true(cert_load(&cert, at(f, "ana.key"), true, f->error));
    static const mode_t loose[] = { 0444, 0460, 0441 };
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        chmod(at(f, "ana.key"), loose[i]);
        expect(f, cert_load(&cert, at(f, "ana.key"), true, f->error), "chmod 600 ");
    }
    chmod(at(f, "ana.key"), 0440);
    setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1);
    expect(f, cert_load(&cert, at(f, "ana.key"), true, f->error), "chmod 600 ");
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_garbage_is_refused(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    char *big = calloc(1, 100000);
    memset(big, 'x', 100000);
    static const char *const texts[] = {
        "", "\n\n\n", "curve", "curve\n    public-key", "curve\n    public-key =", "curve\n    public-key = \"",
        "curve\n    public-key = \"short\"\n", "public-key = \"0000000000000000000000000000000000000000\"\n",
        "curve\n    public-key = \"00000000000000000000000000000000000000000\"\n",        //  41
        "curve\n    public-key = \"000000000000000000000000000000000000000\x7f\"\n",
        "curve\n    public-key = '0000000000000000000000000000000000000000\n",
        "\xff\xfe\x01\x02", "metadata\n    name = \"ana\"\n", "return { public_key = 1 }"
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file(at(f, "bad.pub"), texts[i], strlen(texts[i]));
        expect(f, cert_load(&cert, at(f, "bad.pub"), false, f->error), "no certificate");
    }
    write_file(at(f, "bad.pub"), big, 100000);
    expect(f, cert_load(&cert, at(f, "bad.pub"), false, f->error), "no certificate");
    write_file(at(f, "bad.pub"), "curve\n\0   public-key", 20);
    expect(f, cert_load(&cert, at(f, "bad.pub"), false, f->error), "no certificate");
    expect(f, cert_load(&cert, f->home, false, f->error), "no file");
    expect(f, cert_load(&cert, at(f, "none.pub"), false, f->error), "No such file");
    assert_int_equal(mkfifo(at(f, "fifo.pub"), 0600), 0);
    expect(f, cert_load(&cert, at(f, "fifo.pub"), false, f->error), "no file");
    free(big);
}

static void test_every_byte_of_a_certificate_changed(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    char text[1024];
    assert_true(cert_save(&f->ana, at(f, "x"), f->error));
    FILE *file = fopen(at(f, "x.key"), "r");
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    chmod(at(f, "x.key"), 0600);
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        write_file(at(f, "x.key"), text, size);
        if (cert_load(&cert, at(f, "x.key"), true, f->error))       //  Then it was a comment, or the name
            assert_string_equal(cert.public_key, f->ana.public_key);
        text[i] ^= 1;
    }
}

static void test_halves_that_do_not_belong_together(void **state)
{
    fixture_t *f = *state;
    cert_t cert;
    memcpy(f->ana.public_key, f->bob.public_key, sizeof f->ana.public_key);
    assert_true(cert_save(&f->ana, at(f, "x"), f->error));
    expect(f, cert_load(&cert, at(f, "x.key"), true, f->error), "do not belong together");
}

static void test_names(void **state)
{
    fixture_t *f = *state;
    char name[80];
    static const char *const good[] = { "a", "ana", "Ana-2", "hub.example.org", "_x" };
    static const char *const bad[] = { "", ".", ".ana", "..", "a/b", "a b", "ana\n", "\"", "\xc3\xa4", "a\"b", "a@b" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(cert_name_ok(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(cert_name_ok(bad[i]));
        snprintf(f->ana.name, sizeof f->ana.name, "%s", bad[i]);
        assert_false(cert_save(&f->ana, at(f, "x"), f->error));
        assert_false(trust_add(at(f, "t"), &f->ana, f->error));
    }
    memset(name, 'n', sizeof name);
    name[63] = 0;
    assert_true(cert_name_ok(name));
    name[63] = 'n';
    name[64] = 0;
    assert_false(cert_name_ok(name));
}

//  ---- Trust store ----------------------------------------------------------

static trust_t *load(fixture_t *f)
{
    trust_t *trust = trust_new(at(f, "t"), f->error);
    if (!trust)
        fail_msg("%s", f->error);
    return trust;
}

static void test_a_missing_directory_trusts_nobody(void **state)
{
    fixture_t *f = *state;
    trust_t *trust = load(f);
    assert_int_equal(trust_count(trust), 0);
    assert_int_equal(trust_find(trust, f->ana.public_key, NULL), TRUST_UNKNOWN);
    assert_true(trust_add(at(f, "t"), &f->ana, f->error));      //  It may be made later
    assert_true(trust_refresh(trust, f->error));
    assert_int_equal(trust_find(trust, f->ana.public_key, NULL), TRUST_YES);
    trust_destroy(&trust);
}

static void test_trust_and_revoke(void **state)
{
    fixture_t *f = *state;
    const char *name = NULL;
    cert_t cert;
    bool revoked;
    assert_true(trust_add(at(f, "t"), &f->bob, f->error));
    assert_true(trust_add(at(f, "t"), &f->ana, f->error));
    assert_true(trust_add(at(f, "t"), &f->ana, f->error));      //  Twice is fine
    assert_int_equal(mode_of(at(f, "t")), 0700);
    trust_t *trust = load(f);
    assert_int_equal(trust_count(trust), 2);
    assert_true(trust_at(trust, 0, &cert, &revoked) && !revoked);
    assert_string_equal(cert.name, "ana");
    assert_string_equal(cert.secret_key, "");
    assert_int_equal(trust_find(trust, f->bob.public_key, &name), TRUST_YES);
    assert_string_equal(name, "bob");
    assert_string_equal(trust_key_of(trust, "bob"), f->bob.public_key);
    assert_null(trust_key_of(trust, "zoe"));
    assert_false(trust_refresh(trust, f->error));
    assert_string_equal(f->error, "");

    assert_true(trust_revoke(at(f, "t"), "ana", f->error));
    assert_true(trust_refresh(trust, f->error));
    assert_int_equal(trust_find(trust, f->ana.public_key, &name), TRUST_REVOKED);
    assert_string_equal(name, "ana");
    assert_null(trust_key_of(trust, "ana"));
    assert_int_equal(trust_count(trust), 2);
    assert_true(trust_at(trust, 1, &cert, &revoked) && revoked);
    assert_false(trust_at(trust, 2, &cert, &revoked));
    expect(f, trust_revoke(at(f, "t"), "ana", f->error), "nobody is trusted as ana");
    expect(f, trust_add(at(f, "t"), &f->ana, f->error), "was revoked");
    trust_destroy(&trust);
}

static void test_a_name_has_one_key_and_a_key_one_name(void **state)
{
    fixture_t *f = *state;
    assert_true(trust_add(at(f, "t"), &f->ana, f->error));
    strcpy(f->bob.name, "ana");
    expect(f, trust_add(at(f, "t"), &f->bob, f->error), "another key is trusted as ana");
    strcpy(f->ana.name, "anna");
    expect(f, trust_add(at(f, "t"), &f->ana, f->error), "already, as ana");
    link(at(f, "t/ana.pub"), at(f, "t/anna.pub"));
    assert_null(trust_new(at(f, "t"), f->error));
    expect(f, false, "the same key");
}

static void test_a_key_takes_the_place_of_another(void **state)
{
    fixture_t *f = *state;
    strcpy(f->bob.name, "ana");
    expect(f, trust_replace(at(f, "t"), &f->bob, f->error), "nobody is trusted as ana");
    assert_true(trust_add(at(f, "t"), &f->ana, f->error));
    assert_int_equal(mkdir(at(f, "t/revoked"), 0700), 0);
    assert_int_equal(mkdir(at(f, "t/revoked/.ana.pub"), 0700), 0);      //  The old one cannot be written there
    assert_false(trust_replace(at(f, "t"), &f->bob, f->error));
    assert_int_not_equal(access(at(f, "t/.ana.pub"), F_OK), 0);
    trust_t *trust = load(f);
    assert_int_equal(trust_find(trust, f->ana.public_key, NULL), TRUST_YES);
    assert_int_equal(trust_find(trust, f->bob.public_key, NULL), TRUST_UNKNOWN);
    assert_int_equal(rmdir(at(f, "t/revoked/.ana.pub")), 0);
    assert_true(trust_replace(at(f, "t"), &f->bob, f->error));
    assert_string_equal(f->error, "");
    assert_true(trust_refresh(trust, f->error));
    assert_int_equal(trust_find(trust, f->ana.public_key, NULL), TRUST_REVOKED);
    assert_int_equal(trust_find(trust, f->bob.public_key, NULL), TRUST_YES);
    trust_destroy(&trust);
}

static void test_keys_of_one_name_revoked_in_turn_stay_revoked(void **state)
{
    fixture_t *f = *state;
    strcpy(f->bob.name, "ana");
    assert_true(trust_add(at(f, "t"), &f->ana, f->error));
    assert_true(trust_revoke(at(f, "t"), "ana", f->error));
    assert_true(trust_add(at(f, "t"), &f->bob, f->error));
    assert_true(trust_revoke(at(f, "t"), "ana", f->error));
    trust_t *trust = load(f);
    assert_int_equal(trust_find(trust, f->ana.public_key, NULL), TRUST_REVOKED);
    assert_int_equal(trust_find(trust, f->bob.public_key, NULL), TRUST_REVOKED);
    trust_destroy(&trust);
}

//  What its owner sees is the file's name.
static void test_the_file_s_name_counts(void **state)
{
    fixture_t *f = *state;
    const char *name;
    mkdir(at(f, "t"), 0700);
    assert_true(cert_save(&f->ana, at(f, "t/bob"), f->error));
    write_file(at(f, "t/.hidden.pub"), "x", 1);
    write_file(at(f, "t/README"), "x", 1);
    trust_t *trust = load(f);
    assert_int_equal(trust_count(trust), 1);
    assert_int_equal(trust_find(trust, f->ana.public_key, &name), TRUST_YES);
    assert_string_equal(name, "bob");
    trust_destroy(&trust);
}

static void test_a_loose_directory_is_refused(void **state)
{
    fixture_t *f = *state;
    assert_true(trust_add(at(f, "t"), &f->ana, f->error));
    assert_true(trust_revoke(at(f, "t"), "ana", f->error));
    assert_true(trust_add(at(f, "t"), &f->bob, f->error));
    trust_t *trust = load(f);
    chmod(at(f, "t"), 0770);
    assert_null(trust_new(at(f, "t"), f->error));
    expect(f, false, "chmod 700 ");
    assert_false(trust_refresh(trust, f->error));
    expect(f, false, "chmod 700 ");
    assert_int_equal(trust_find(trust, f->bob.public_key, NULL), TRUST_YES);
    chmod(at(f, "t"), 0700);
    chmod(at(f, "t/revoked"), 0777);
    assert_null(trust_new(at(f, "t"), f->error));
    chmod(at(f, "t/revoked"), 0700);
    chmod(at(f, "t/bob.pub"), 0666);
    assert_null(trust_new(at(f, "t"), f->error));
    expect(f, false, "chmod go-w ");
    trust_destroy(&trust);
}

static void test_a_broken_file_leaves_all_as_it_was(void **state)
{
    fixture_t *f = *state;
    assert_true(trust_add(at(f, "t"), &f->ana, f->error));
    trust_t *trust = load(f);
    write_file(at(f, "t/bob.pub"), "garbage", 7);
    assert_false(trust_refresh(trust, f->error));
    expect(f, false, "bob.pub");
    assert_false(trust_refresh(trust, f->error));       //  It is said each time
    expect(f, false, "bob.pub");
    assert_int_equal(trust_find(trust, f->ana.public_key, NULL), TRUST_YES);
    unlink(at(f, "t/bob.pub"));
    assert_false(trust_refresh(trust, f->error));
    assert_string_equal(f->error, "");
    assert_true(trust_add(at(f, "t"), &f->bob, f->error));
    assert_true(trust_refresh(trust, f->error));
    trust_destroy(&trust);
}

static void test_where_it_is(void **state)
{
    (void) state;
    setenv("ALUA_TRUST", "/somewhere", 1);
    assert_string_equal(trust_directory(), "/somewhere");
    unsetenv("ALUA_TRUST");
    setenv("XDG_CONFIG_HOME", "/conf", 1);
    assert_string_equal(trust_directory(), "/conf/alua/trusted");
    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", "/home/ana", 1);
    assert_string_equal(trust_directory(), "/home/ana/.config/alua/trusted");
    unsetenv("HOME");
    assert_null(trust_directory());
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_what_is_saved_is_loaded),
        T(test_nothing_is_overwritten),
        T(test_czmq_reads_ours),
        T(test_we_read_czmqs),
        T(test_one_without_a_name_is_named_like_its_file),
        T(test_loose_rights_are_refused),
        T(test_garbage_is_refused),
        T(test_every_byte_of_a_certificate_changed),
        T(test_halves_that_do_not_belong_together),
        T(test_names),
        T(test_a_missing_directory_trusts_nobody),
        T(test_trust_and_revoke),
        T(test_a_name_has_one_key_and_a_key_one_name),
        T(test_a_key_takes_the_place_of_another),
        T(test_keys_of_one_name_revoked_in_turn_stay_revoked),
        T(test_the_file_s_name_counts),
        T(test_a_loose_directory_is_refused),
        T(test_a_broken_file_leaves_all_as_it_was),
        T(test_a_credential_of_systemd),
        cmocka_unit_test(test_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
