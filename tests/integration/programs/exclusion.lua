-- exclusion.lua MUTEX LOG ENTRIES STAY - enter the critical section of examples/mutex.lua (the file MUTEX) that often,
-- and stay for STAY seconds every tenth time
--
-- Who enters and who leaves is appended to LOG, each with one system call: the order in the file is the order in time.
local algorithm, path, entries, stay = ...
assert(loadfile(algorithm))(0)

local log = assert(io.open(path, "a"))
log:setvbuf "no"

for i = 1, tonumber(entries) do
  mutex.enterCS(function()
    log:write(("enter %s %d %.3f\n"):format(alua.id, i, alua.now()))
    if i % 10 == 0 then alua.sleep(tonumber(stay)) end -- Others may run
    log:write(("leave %s %d %.3f\n"):format(alua.id, i, alua.now()))
  end)
end
