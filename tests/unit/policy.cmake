# Policies: the reader (real Lua 5.4 says what is right), rights against a naive matcher, and refused memory.
alua_c_test(test_policy_text LINK alua::policy alua::lua)
alua_c_test(test_rights LINK alua::policy)
alua_c_test(test_policy LINK alua::policy)
alua_c_test(test_policy_memory LINK alua::policy)
if(TARGET test_policy_memory)
    target_link_options(test_policy_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
endif()
