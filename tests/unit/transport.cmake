# The link core in virtual time, and the hub over real sockets.
alua_c_test(test_link LINK alua::wire)
alua_c_test(test_link_open LINK alua::wire)
alua_c_test(test_link_lossy LINK alua::wire)
if(TARGET alua::transport)
    alua_c_test(test_hub LINK alua::transport LABELS tsan)
    alua_c_test(test_hub_faults LINK alua::transport PkgConfig::ZMQ)     # Wraps what tsan_zmq wraps too
    target_link_options(test_hub_faults PRIVATE -Wl,--wrap=zmq_send,--wrap=zmq_msg_send)
    alua_c_test(test_hub_threads LINK alua::transport LABELS tsan)
    alua_c_test(test_hub_strangers LINK alua::transport PkgConfig::ZMQ LABELS tsan)
    alua_c_test(test_cert LINK alua::transport PkgConfig::CZMQ)
    alua_c_test(test_hub_keys LINK alua::transport PkgConfig::CZMQ PkgConfig::ZMQ LABELS tsan)
    alua_c_test(test_endpoint LINK alua::transport)
    alua_c_test(test_hub_names LINK alua::transport PkgConfig::CZMQ PkgConfig::ZMQ LABELS tsan)
    target_link_options(test_hub_names PRIVATE -Wl,--wrap=getaddrinfo)
    alua_c_test(test_hub_siege LINK alua::transport PkgConfig::CZMQ PkgConfig::ZMQ LABELS tsan)
    set_tests_properties(unit.test_hub_strangers PROPERTIES COST 20)    # s, most of them waiting: begins first
    set_tests_properties(unit.test_hub_faults PROPERTIES COST 14)
endif()
