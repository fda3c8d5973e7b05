# The codec against msgpack-c, which nobody here wrote. Left out where there is no msgpack-c (Debian: libmsgpack-c-dev,
# before 13 libmsgpack-dev): nothing else needs it.
if(MSGPACK_FOUND)
    alua_c_test(test_wire_oracle LINK alua::wire PkgConfig::MSGPACK)
else()
    message(STATUS "test_wire_oracle is left out: no msgpack-c")
endif()
