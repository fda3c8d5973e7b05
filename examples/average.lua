-- average.lua - ask everybody for a value at once; the last answer prints the mean
--
--     ./run examples/average.lua
--     ./run -n 5 examples/average.lua
--
-- The closure `avg` keeps sum and count between the answers. Alone, the program first
-- starts four more processes and teaches each by a chunk what to answer.

function currValue()
  return 10 * alua.rank
end

local function average(procs)
  local sum, count, open = 0, 0, #procs
  local function avg(value, err)
    open = open - 1
    if err then print(err) else sum, count = sum + value, count + 1 end
    if open == 0 then
      print(string.format("The mean of %d values is %.1f", count, sum / count))
    end
  end
  for _, p in ipairs(procs) do
    luarpc.async(p, "currValue", avg)()
  end
end

local procs = dalua.processes("myapp")
if alua.size == 1 then
  for id in pairs(alua.spawn(4).processes) do
    procs[#procs + 1] = id
    alua.send(id, "function currValue() return " .. 10 * #procs .. " end")
  end
end
if alua.rank == 1 then
  average(procs)
end
