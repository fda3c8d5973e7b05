# The tests of main/: only what is pure; the rest is tested as a whole, in tests/integration.
if(TARGET alua_over)
    alua_c_test(test_over LINK alua::over)
endif()
