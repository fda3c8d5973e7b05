# The libraries that rooms may name: PkgConfig::ZMQ, CZMQ, UV, LUA. MSGPACK is for tests only: wire/ packs and
# unpacks by itself, and a test may compare.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3)
pkg_check_modules(CZMQ REQUIRED IMPORTED_TARGET libczmq>=4.2)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_search_module(LUA REQUIRED IMPORTED_TARGET lua5.4 lua-5.4 lua54)
pkg_search_module(MSGPACK QUIET IMPORTED_TARGET msgpack-c msgpackc msgpack) # Its name has changed twice
if(MSGPACK_FOUND)
    # Debian 13's msgpack-c.pc names a relative folder, which CMake refuses.
    set_target_properties(PkgConfig::MSGPACK PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "")
endif()

# A Lua module takes the API from the interpreter that loads it: a second copy of Lua would crash it.
add_library(alua_lua_headers INTERFACE)
add_library(alua::lua_headers ALIAS alua_lua_headers)
target_include_directories(alua_lua_headers SYSTEM INTERFACE ${LUA_INCLUDE_DIRS})

# The program has Lua inside, as Debian's own lua5.4 has: a call into a shared liblua costs a jump more each time,
# and an event makes dozens. Without the static library the shared one does.
find_library(ALUA_STATIC_LUA NAMES liblua5.4.a HINTS ${LUA_LIBRARY_DIRS} ${LUA_LIBDIR})
add_library(alua_lua INTERFACE)
add_library(alua::lua ALIAS alua_lua)
if(ALUA_STATIC_LUA)
    target_include_directories(alua_lua SYSTEM INTERFACE ${LUA_INCLUDE_DIRS})
    target_link_libraries(alua_lua INTERFACE ${ALUA_STATIC_LUA} m ${CMAKE_DL_LIBS})
else()
    target_link_libraries(alua_lua INTERFACE PkgConfig::LUA)
endif()
