# The jail: real processes behind its walls; and what runs inside them, without, under the sanitizers.
set(jail_tests test_jail test_jail_faults test_jail_hostile)
foreach(test ${jail_tests})
    alua_c_test(${test} LINK alua::jail)
    target_compile_definitions(${test} PRIVATE _GNU_SOURCE JAIL_PROGRAM="$<TARGET_FILE:alua_jail_program>"
        JAIL_CHUNKS="${PROJECT_SOURCE_DIR}/tests/jail")
    add_dependencies(${test} alua_jail_program)
endforeach()

# Speaks for alua-jail, badly.
add_executable(fake_jail ${PROJECT_SOURCE_DIR}/tests/jail/fake_jail.c)
target_compile_definitions(fake_jail PRIVATE _GNU_SOURCE)
target_link_libraries(fake_jail PRIVATE alua::jail_frame)
add_dependencies(test_jail_faults fake_jail)
target_compile_definitions(test_jail_faults PRIVATE FAKE_JAIL="$<TARGET_FILE:fake_jail>")

alua_c_test(test_jail_worker LINK alua::jail_worker)
target_compile_definitions(test_jail_worker PRIVATE _GNU_SOURCE)
alua_c_test(test_jail_cell LINK alua::jail_cell)
target_compile_definitions(test_jail_cell PRIVATE _GNU_SOURCE)
