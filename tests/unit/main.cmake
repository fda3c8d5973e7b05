# The tests of main/: what is pure, and what stands alone; the rest is tested as a whole, in tests/integration.
if(TARGET alua_over)
    alua_c_test(test_over LINK alua::over)
endif()
alua_c_test(test_quick_pid)
target_sources(test_quick_pid PRIVATE ${PROJECT_SOURCE_DIR}/main/quick_pid.c)
target_compile_definitions(test_quick_pid PRIVATE _GNU_SOURCE)
