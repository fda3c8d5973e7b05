# Whatever comes over the wire. The dictionary is made from the vocabulary:
#   fuzz_wire -dict=wire.dict -max_len=4096 NEW_FOLDER tests/fuzz/corpus/wire
alua_fuzz(fuzz_wire CORPUS wire LINK alua::wire)

add_executable(wire_dict wire_dict.c)
target_link_libraries(wire_dict PRIVATE alua::wire)
add_custom_command(OUTPUT wire.dict COMMAND wire_dict > wire.dict DEPENDS wire_dict VERBATIM)
add_custom_target(fuzz_dictionary ALL DEPENDS wire.dict)
