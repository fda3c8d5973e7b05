-- philosophers.lua - the dining philosophers: chopsticks are tuples
--
--     ./run -n 5 examples/philosophers.lua [MEALS]
--
-- Each process is a philosopher, who takes the chopstick to the left and the one to the right. If all took the left one
-- first, nobody would ever eat; so there is one ticket less than there are chairs, and without one nobody sits down.

local meals = tonumber((...)) or 3
local n, me = alua.size, alua.rank
local table_ = luats.space "table"

if me == 1 then
  for i = 1, n do table_:out { "chopstick", i } end
  for _ = 1, math.max(n - 1, 1) do table_:out { "ticket" } end
end

local left, right = me, me % n + 1
for meal = 1, meals do
  alua.sleep(math.random() * 0.02)                      -- Think
  table_:take { "ticket" }
  table_:take { "chopstick", left }
  if right ~= left then table_:take { "chopstick", right } end
  print(("philosopher %d eats meal %d"):format(me, meal))
  alua.sleep(math.random() * 0.02)
  table_:out { "chopstick", left }
  if right ~= left then table_:out { "chopstick", right } end
  table_:out { "ticket" }
end
