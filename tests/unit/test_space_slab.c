//  The slab: things keep their place and their bytes, whatever comes and goes; memory of empty pages goes back

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "space_slab.h"
#include "test_draw.h"

#define THINGS 4000

typedef struct {
    space_ref_t ref;            //  0: there is none
    size_t size;
    uint8_t *at, mark;
} thing_t;

static size_t some_size(void)
{
    return draw(50) ? 1 + draw(400) : 1 + draw(20000);
}

static void make(space_slab_t *slab, thing_t *thing, size_t size)
{
    thing->size = size;
    thing->at = space_slab_new(slab, size, &thing->ref);
    thing->mark = (uint8_t) draw(256);
    assert_non_null(thing->at);
    assert_int_not_equal(thing->ref, 0);
    assert_int_equal((uintptr_t) thing->at % SPACE_SLAB_UNIT, 0);
    memset(thing->at, thing->mark, size);
}

static void check(const space_slab_t *slab, const thing_t *thing)
{
    assert_ptr_equal(space_slab_at(slab, thing->ref), thing->at);
    for (size_t i = 0; i < thing->size; i++)
        assert_int_equal(thing->at[i], thing->mark);
}

static void end(space_slab_t *slab, thing_t *thing)
{
    check(slab, thing);
    space_slab_free(slab, thing->ref);
    thing->ref = 0;
}

static size_t pages_of(const space_slab_t *slab)
{
    size_t pages = 0;
    for (uint32_t i = 1; i < slab->count; i++)
        pages += slab->pages[i].base != NULL;
    return pages;
}

static void test_things_keep_their_bytes(void **state)
{
    (void) state;
    static thing_t things[THINGS];
    space_slab_t slab = { .count = 0 };
    for (size_t step = 0; step < 200000; step++) {
        thing_t *thing = &things[draw(THINGS)];
        if (thing->ref)
            end(&slab, thing);
        else
            make(&slab, thing, some_size());
    }
    for (size_t i = 0; i < THINGS; i++)
        if (things[i].ref)
            end(&slab, &things[i]);
    assert_int_equal(pages_of(&slab), slab.spare_count);
    space_slab_done(&slab);
}

//  One that comes and goes uses the same memory again, of whatever size the one before was.
static void test_empty_pages_are_used_again(void **state)
{
    (void) state;
    space_slab_t slab = { .count = 0 };
    for (size_t size = 1; size <= SPACE_SLAB_LARGE; size++) {
        thing_t thing;
        make(&slab, &thing, size);
        end(&slab, &thing);
    }
    assert_int_equal(pages_of(&slab), 1);
    space_slab_done(&slab);
}

static void test_memory_goes_back(void **state)
{
    (void) state;
    static thing_t things[THINGS];
    space_slab_t slab = { .count = 0 };
    for (size_t i = 0; i < THINGS; i++)
        make(&slab, &things[i], 1000);
    size_t full = pages_of(&slab);
    assert_true(full >= THINGS / 65);
    for (size_t i = 0; i < THINGS; i++)
        end(&slab, &things[i]);
    assert_true(pages_of(&slab) <= full / 3);
    for (size_t i = 0; i < THINGS; i++)
        make(&slab, &things[i], 1000);
    assert_int_equal(pages_of(&slab), full);
    assert_true(slab.count <= full + 2);        //  The numbers are used again, too
    for (size_t i = 0; i < THINGS; i++)
        end(&slab, &things[i]);
    space_slab_done(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_things_keep_their_bytes),
        cmocka_unit_test(test_empty_pages_are_used_again),
        cmocka_unit_test(test_memory_goes_back),
    };
    return cmocka_run_group_tests_name("space slab", tests, NULL, NULL);
}
