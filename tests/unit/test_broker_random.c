//  Random operations, and what must be true after each of them
//
//  Few names and many clients, so that they meet. A failure prints its seed and step.

#include "broker_fixture.h"
#include "broker_check.h"

#define ACTORS 12
#define STEPS  4000
#define WORDS  8

static const char *const words[WORDS] = {
    "ana", "bob", "eva", "svc", "1@ana", "game", "chess", ("1@" ADDRESS)
};

typedef struct {
    fixture_t *f;
    uint64_t seed;
    client_t *actors[ACTORS];
    bool here[ACTORS];
    uint64_t versions[WORDS];  //  Of the apps of these names, as last seen
} play_t;

//  Numbers that repeat: xorshift.
static unsigned roll(play_t *play, unsigned sides)
{
    play->seed ^= play->seed << 13;
    play->seed ^= play->seed >> 7;
    play->seed ^= play->seed << 17;
    return (unsigned) (play->seed >> 33) % sides;
}

static void check_versions(play_t *play, const broker_core_t *core)
{
    for (size_t i = 0; i < WORDS; i++) {
        const broker_app_t *app = broker_map_get(&core->apps, words[i], strlen(words[i]));
        if (!app)
            continue;
        assert_true(app->version >= play->versions[i]);
        play->versions[i] = app->version;
    }
}

//  ---- The play ------------------------------------------------------------

static const char *const openings[] = {
    "", "visitor", "spawn", "names=svc,eva", "apps=game,chess", "lease=1500", ("id=3@" ADDRESS)
};

static void enter(play_t *play, unsigned who)
{
    client_t *c = play->actors[who];
    c->refuses = 0;
    if (roll(play, 3))
        c->incarnation = 100000 + play->seed % 100000;
    play->here[who] = hello(play->f, c, roll(play, 3) ? words[roll(play, WORDS)] : "",
                            openings[roll(play, sizeof openings / sizeof *openings)])
                      == 0;
}

static void leave(play_t *play, unsigned who)
{
    end(play->f, play->actors[who], roll(play, 2) ? WIRE_E_GONE : WIRE_E_CLOSED, "x");
    play->here[who] = false;
}

static void request(play_t *play, unsigned who)
{
    client_t *c = play->actors[who];
    unsigned type = WIRE_LOOKUP + roll(play, WIRE_STAT - WIRE_LOOKUP + 1);
    const char *name = roll(play, 8) ? words[roll(play, WORDS)] : NULL;
    if (roll(play, 10))
        ask(play->f, c, type, name);
    else
        ask_again(play->f, c, type, c->request, name);
}

static void act(play_t *play, unsigned who)
{
    static const wire_type_t says[] = { WIRE_CALL, WIRE_CHUNK, WIRE_REPLY, WIRE_CANCEL };
    client_t *c = play->actors[who];
    switch (roll(play, 20)) {
    case 0: leave(play, who); break;
    case 1: fall_silent(play->f, c, true); break;
    case 2: fall_silent(play->f, c, false); break;
    case 3: c->refuses = WIRE_E_FULL; break;
    case 4: elapse(play->f, roll(play, 3000)); break;
    case 5: tell(play->f, c, says[roll(play, 4)], 1, "x", words[roll(play, WORDS)]); break;
    case 6: hello(play->f, c, c->name, "apps=game"); break;  //  Its connection broke
    default: request(play, who); break;
    }
}

static void step(play_t *play)
{
    unsigned who = roll(play, ACTORS);
    if (play->actors[who]->dropped)
        play->here[who] = false;
    if (!play->here[who])
        enter(play, who);
    else
        act(play, who);
    elapse(play->f, 1);
    ignore(play->f);
    check_core(play->f->core);
    check_versions(play, play->f->core);
    assert_int_equal(play->f->core->doomed, 0);
}

static void play_with(fixture_t *f, uint64_t seed)
{
    play_t play = { .f = f, .seed = seed };
    f->quiet = true;
    print_message("seed %llu\n", (unsigned long long) seed);
    for (size_t i = 0; i < ACTORS; i++)
        play.actors[i] = somebody(f);
    for (int i = 0; i < STEPS; i++)
        step(&play);
    const broker_counters_t *c = counters(f);  //  The play must have been about something
    assert_true(c->opened > 50 && c->left > 5 && c->gone > 5 && c->slow > 5 && c->resumed > 0);
    assert_true(c->members_sent > 50 && c->watched_sent > 50 && c->relayed > 5 && c->relay_unknown > 5);
    assert_true(c->refused[WIRE_E_EXISTS] > 5 && c->denied[WIRE_E_EXISTS] > 5 && c->repeated > 5);
}

static void test_first_play(void **state)
{
    play_with(*state, 88172645463325252u);
}

static void test_second_play(void **state)
{
    play_with(*state, 1234567);
}

static void test_third_play(void **state)
{
    play_with(*state, 20240229);
}

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(test_first_play), TEST(test_second_play),
                                        TEST(test_third_play) };
    return cmocka_run_group_tests_name("broker random", tests, NULL, NULL);
}
