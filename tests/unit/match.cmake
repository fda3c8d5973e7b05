# Templates and predicates; values are written in Lua, and a real Lua 5.4 says what is right.
foreach(test match match_random match_memory predicate predicate_random)
    alua_c_test(test_${test} LINK alua::match alua::lua m)
endforeach()
target_link_options(test_match_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
