-- crowd.lua - everybody is here when the program starts
local expected = tonumber((...))
assert(#dalua.processes "myapp" == expected, #dalua.processes "myapp")
if alua.rank == 1 then
  local memory = {}
  for line in io.lines "/proc/self/status" do
    memory[#memory + 1] = line:match "^VmRSS:%s*(%d+)" or line:match "^RssAnon:%s*(%d+)"
  end
  print("all here", #dalua.processes "myapp", table.concat(memory, " "))
end
