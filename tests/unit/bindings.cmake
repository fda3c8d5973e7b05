# alua.core over a fake node: its objects are in the program before the real one's library is looked at.
add_library(fake_alua OBJECT fake_alua.c)
target_link_libraries(fake_alua PUBLIC alua::wire)
target_include_directories(fake_alua PUBLIC ${PROJECT_SOURCE_DIR}/node/include ${CMAKE_CURRENT_SOURCE_DIR})
alua_c_test(test_bindings LINK fake_alua alua::bindings PkgConfig::LUA)
