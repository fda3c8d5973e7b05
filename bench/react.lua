-- What a reaction costs an out:  react.lua none|before|after|strict IN_FLIGHT SECONDS
local core = require "alua.core"
local kind, in_flight, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3])

local space = luats.space "bench"
space:destroy()
if kind ~= "none" then
  assert(space:react {
    on = "out", phase = kind == "after" and "after" or "before", strict = kind == "strict" or nil,
    template = { "job", luats.any }, code = "if t[2] < 0 then return refuse 'negative' end",
  })
end

local function work(stop)
  local done = 0
  while core.now() < stop do
    assert(space:out({ "job", done }, { ttl = 1 }))
    done = done + 1
  end
  return done
end

assert(space:out { "job", 0 }) -- The jail is there, and has the text
local began, cpu = core.now(), os.clock()
local total, left = 0, in_flight
for _ = 1, in_flight do
  core.task(function()
    local done = work(began + seconds)
    total, left = total + done, left - 1
  end)
end
while left > 0 do alua.sleep(0.01) end
local took = core.now() - began
print(("rate=%.1f us=%.3f cpu_us=%.3f"):format(total / took, in_flight * took / total * 1e6, (os.clock() - cpu) / total * 1e6))
space:destroy()
alua.exit(0)
