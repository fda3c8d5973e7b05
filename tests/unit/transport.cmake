# The link core in virtual time, and the hub over real sockets.
alua_c_test(test_link LINK alua::wire)
alua_c_test(test_link_open LINK alua::wire)
alua_c_test(test_link_lossy LINK alua::wire)
if(TARGET alua::transport)
    alua_c_test(test_hub LINK alua::transport)
    alua_c_test(test_hub_faults LINK alua::transport)
    alua_c_test(test_hub_strangers LINK alua::transport PkgConfig::ZMQ)
endif()
