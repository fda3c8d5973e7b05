# Tuple spaces, in virtual time.
foreach(test space space_react space_model space_memory space_slab)
    alua_c_test(test_${test} LINK alua::space alua::match m)
endforeach()
target_link_options(test_space_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
