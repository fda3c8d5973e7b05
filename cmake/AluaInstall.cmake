# What "cmake --install" puts where, and what a user needs built (target "program"). Each part is optional,
# so that half a house can be built and installed too. `--component program` is what runs by itself: the command, the
# jail, the Lua modules and the examples; without it come plain Lua's C module and what programs in C need.
set(modules share/lua/5.4)              # Where every Lua 5.4 looks below its prefix
set(c_modules lib/lua/5.4)

add_custom_target(program)
foreach(part alua alua_core_module alua_jail_program)
    if(TARGET ${part})
        add_dependencies(program ${part})
    endif()
endforeach()

if(TARGET alua)
    install(TARGETS alua RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
if(TARGET alua_jail_program)
    install(TARGETS alua_jail_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
if(TARGET alua_core_module)
    install(TARGETS alua_core_module LIBRARY DESTINATION ${c_modules}/alua)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/lua)
    install(DIRECTORY lua/ DESTINATION ${modules} COMPONENT program FILES_MATCHING PATTERN "*.lua")
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/examples)
    file(GLOB examples CONFIGURE_DEPENDS examples/*.lua)
    install(FILES ${examples} DESTINATION ${CMAKE_INSTALL_DATADIR}/alua/examples COMPONENT program)
endif()

# For programs in C: the headers, and one archive in which node, transport, jail, policy and wire are together.
set(parts "")
foreach(part node node_core transport jail jail_frame policy lex wire)
    if(TARGET alua_${part})
        list(APPEND parts $<TARGET_OBJECTS:alua_${part}>)
    endif()
endforeach()
if(TARGET alua_node)
    add_library(libalua STATIC ${parts})
    set_target_properties(libalua PROPERTIES OUTPUT_NAME alua LINKER_LANGUAGE C)
    install(TARGETS libalua ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    set(headers ${CMAKE_INSTALL_INCLUDEDIR}/alua)   # In a folder of their own, which -I names: <alua.h> finds it
    install(FILES node/include/alua.h wire/wire_buf.h wire/wire_error.h wire/wire_limits.h wire/wire_read.h
        wire/wire_types.h DESTINATION ${headers})

    include(CMakePackageConfigHelpers)
    set(ALUA_REQUIRES "libzmq libczmq libuv")
    file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    configure_file(cmake/alua.pc.in ${PROJECT_BINARY_DIR}/alua.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/alua.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
    configure_package_config_file(cmake/alua-config.cmake.in ${PROJECT_BINARY_DIR}/alua-config.cmake
        INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/alua
        PATH_VARS headers CMAKE_INSTALL_LIBDIR)
    write_basic_package_version_file(${PROJECT_BINARY_DIR}/alua-config-version.cmake
        COMPATIBILITY SameMinorVersion)
    install(FILES ${PROJECT_BINARY_DIR}/alua-config.cmake ${PROJECT_BINARY_DIR}/alua-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/alua)
endif()
