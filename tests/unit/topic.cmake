# Publish and subscribe, in virtual time.
foreach(test topic topic_past topic_groups topic_later)
    alua_c_test(test_${test} LINK alua::topic alua::match m)
endforeach()
