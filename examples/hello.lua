-- hello.lua - start three processes and say hello in each
--
--     ./run examples/hello.lua
--
-- alua.spawn waits for the new processes; alua.send gives them a chunk of code to run.
-- The program is over when nothing is left to do, in any of its processes.

print("Hello from " .. alua.id)

for id in pairs(alua.spawn(3).processes) do
  alua.send(id, [[print("Hello from " .. alua.id .. "!")]])
end
