-- bag.lua - a bag of tasks: workers take them on a lease, so a dead worker's task comes back
--
--     ./run examples/bag.lua [TASKS [WORKERS]]
--
-- The first process puts tasks into the space "tasks" and starts workers, each a process of its own. One of them is
-- killed on purpose in the middle of a task; nobody notices but the lease, and another worker does that task.

local count, workers = tonumber((...)) or 12, tonumber((select(2, ...))) or 3

local WORKER = [[
  local first = FIRST
  local tasks = luats.space "tasks"
  for task, lease in tasks:each({ luats.string, luats.rest }, { lease = 1 }) do
    if task[1] == "over" then break end
    if first then os.execute "kill -9 $PPID" end     -- With the task in its hands
    lease:ack { results = { { task[2], task[2] ^ 2, by = alua.id } } }
  end
]]

local tasks, results = luats.space "tasks", luats.space "results"
for i = 1, count do tasks:out { "square", i } end

local ids = {}
for id in pairs(alua.spawn(workers).processes) do ids[#ids + 1] = id end
table.sort(ids)
for i, id in ipairs(ids) do
  alua.watch(id, function(what) if what == "gone" then print "a worker was killed" end end)
  alua.send(id, WORKER:gsub("FIRST", tostring(i == 1)), function(_) end) -- Its answer comes when the loop has ended
end

local sum, by = 0, {}
for _ = 1, count do
  local result = assert(results:take({ luats.int, luats.number }, { timeout = 20 }))
  sum = sum + result[2]
  by[result.by] = (by[result.by] or 0) + 1
end
print(("The squares of 1 to %d add up to %d."):format(count, sum))
local helped = 0
for _ in pairs(by) do helped = helped + 1 end
print(("%d of %d workers did it."):format(helped, workers))
for _ = 1, workers do tasks:out { "over" } end          -- The workers' loops end
