# The tests of node/core, in virtual time.
foreach(test ask tables request serve links direct direct_pair standing garbage network rights memory)
    alua_c_test(test_node_${test} LINK alua::node_core)
endforeach()
target_link_options(test_node_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)

# Its shell's second thread, in processes of their own.
if(TARGET alua::node)
    alua_c_test(test_node_control LINK alua::node LABELS tsan)
endif()
