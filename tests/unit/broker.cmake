# The broker's core, in virtual time.
foreach(test session app watch relay ask react record random memory rights keys keys_random)
    alua_c_test(test_broker_${test} LINK alua::broker_core)
endforeach()
target_link_options(test_broker_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)

# Its shell, on real sockets of this machine.
alua_c_test(test_broker_shell LINK alua::broker LABELS tsan)
alua_c_test(test_broker_door LINK alua::broker LABELS tsan)
