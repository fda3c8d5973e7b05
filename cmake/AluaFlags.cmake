# How every file of ours is compiled.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)              # -std=gnu11: accept4, pipe2 and their kin
set(CMAKE_POSITION_INDEPENDENT_CODE ON) # The libraries end up in a Lua module as well
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()

# Our contracts are asserted in released programs too: a broken one is better a core dump than a wrong answer.
foreach(kind RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${kind} "${CMAKE_C_FLAGS_${kind}}")
endforeach()

add_library(alua_warnings INTERFACE)
add_library(alua::warnings ALIAS alua_warnings)
target_compile_options(alua_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(ALUA_WERROR)
    target_compile_options(alua_warnings INTERFACE -Werror)
endif()
link_libraries(alua::warnings)          # For every target below, so that nobody forgets it

if(ALUA_SANITIZE)
    string(REPLACE ";" "," sanitizers "${ALUA_SANITIZE}")
    add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${sanitizers})
endif()

# CMake asks gcc for objects that only the same gcc can link. libalua.a is for any compiler.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    string(REPLACE "-fno-fat-lto-objects" "-ffat-lto-objects" CMAKE_C_COMPILE_OPTIONS_IPO "${CMAKE_C_COMPILE_OPTIONS_IPO}")
endif()

find_program(CCACHE ccache)
mark_as_advanced(CCACHE)
if(CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
