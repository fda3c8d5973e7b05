-- The near side of bench/jail_node: one line for each kind of work, microseconds.
--   jail_node.lua ROUNDS
-- `full` runs our chunks in its Lua state, `jail` in alua-jail; both have a function `add`.
local rounds = tonumber(arg[1])
local core = require "alua.core"

local ADD = "local a, b = ... return a + b"

local function eval(node)
  return function(i)
    return core.await(function(resume)
      core.chunk(node, ADD, "=add", 2, 10, resume, i, 1)
    end, "eval")
  end
end

local function wall() return core.wall() * 1e6 end

local function measure(what, work)
  for i = 1, rounds // 10 do assert(work(i) == i + 1) end
  local samples = {}
  for i = 1, rounds do
    local from = wall()
    local sum, err = work(i)
    if sum ~= i + 1 then error(err) end
    samples[i] = wall() - from
  end
  table.sort(samples)
  print(("%-10s %9.1f %9.1f"):format(what, samples[rounds // 2], samples[rounds - rounds // 100]))
  io.stdout:flush()
end

local add = luarpc.sync("jail", "add")
measure("call", function(i) return add(i, 1) end)
measure("full", eval "full")
measure("jail", eval "jail")
core.exit(0)
