# The protocol: writers, reader, envelope, golden bytes, and PROTOCOL.md against the lists.
alua_c_test(test_wire_buf LINK alua::wire)
alua_c_test(test_wire_read LINK alua::wire)
alua_c_test(test_wire_msg LINK alua::wire)
alua_c_test(test_wire_golden LINK alua::wire)
alua_c_test(test_wire_doc LINK alua::wire)
