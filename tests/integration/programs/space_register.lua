-- Swaps and reads of one register by several processes, each printed with the times of its begin and end.
local rounds, seed = tonumber((...)), tonumber((select(2, ...)))
math.randomseed(seed + alua.rank)
local space = luats.space "register"
local function say(kind, begun, ...) print(kind, ("%.9f\t%.9f"):format(begun, alua.now()), ...) end

if alua.rank == 1 then space:out { "r", 0 } end
space:read { "r", luats.int }
for i = 1, rounds do
  local begun = alua.now()
  if math.random() < 0.5 then
    local tuple = assert(space:read { "r", luats.int })
    say("read", begun, tuple[2])
  elseif math.random() < 0.8 then
    local new = i * 10 + alua.rank
    local old = assert(space:swap({ "r", luats.int }, { "r", new }))
    say("write", begun, new, old[2])
  else -- The same by a lease
    local new = i * 10 + alua.rank
    local old, lease = space:take({ "r", luats.int }, { lease = 30 })
    if math.random() < 0.5 then alua.sleep(0) end
    assert(lease:ack { register = { { "r", new } } })
    say("write", begun, new, old[2])
  end
end
