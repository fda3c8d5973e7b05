-- barrier.lua - nobody goes on before all have arrived: a counter that is a tuple
--
--     ./run -n 4 examples/barrier.lua [ROUNDS]
--
-- swap takes the counter and puts the next one in one step, so no arrival is lost. The last one opens the gate, a tuple that
-- everybody reads.

local rounds = tonumber((...)) or 3
local sync = luats.space "sync"

local function barrier(name, n)
  local seen
  repeat -- Another one may arrive between our look and our step: then we look again
    seen = sync:read { name, luats.int }
  until sync:swap({ name, seen[2] }, { name, seen[2] + 1 }, { timeout = 0 })
  if seen[2] + 1 == n then sync:out { name, "open" } end
  sync:read { name, "open" }
end

if alua.rank == 1 then
  for round = 1, rounds do sync:out { "round " .. round, 0 } end
end
for round = 1, rounds do
  alua.sleep(math.random() * 0.05)
  print("arrives at round " .. round)
  barrier("round " .. round, alua.size)
  print("goes on from round " .. round)
end
