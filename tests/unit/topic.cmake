# Publish and subscribe, in virtual time.
foreach(test topic topic_past topic_groups topic_later topic_fields topic_links topic_model topic_memory)
    alua_c_test(test_${test} LINK alua::topic alua::match m)
endforeach()
target_link_options(test_topic_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
