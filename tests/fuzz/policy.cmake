# A policy's text, and rights as they arrive:  fuzz_policy -max_len=4096 NEW_FOLDER tests/fuzz/corpus/policy
alua_fuzz(fuzz_policy CORPUS policy LINK alua::policy)
