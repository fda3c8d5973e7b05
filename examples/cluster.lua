-- cluster.lua - average, mutex and a bag of tasks over the processes that are there, on whatever hosts they are
--
--     ./run -n 4 examples/cluster.lua
--     alua run --broker tcp://hub:4321 examples/cluster.lua      -- over the nodes of the app there (alua node --app myapp)
--
-- Words behind the file choose some of them: average, mutex, bag. The others need no file: they are sent the code,
-- which is a right of its own where there are keys (code = "full").
-- What they do then, they do with their own rights: call what is exported as mutex, use the spaces counter, tasks and results.

if alua.rank ~= 1 then return end -- With -n: the first process leads, the others do what they are told

local APP = "myapp"
local here = arg[0]:match("^.*/") or ""
local others = {}
for _, id in ipairs(assert(dalua.processes(APP))) do
  if id ~= alua.id then others[#others + 1] = id end
end
if #others == 0 then
  io.stderr:write("cluster.lua: nobody else is in the app '" .. APP .. "'\n")
  os.exit(1)
end

-- Run a chunk in each of them, with its number and further arguments, and wait until all have.
local function teach(chunk, ...)
  for i, id in ipairs(others) do
    local _, err = alua.eval(id, chunk, i, ...)
    if luarpc.iserror(err) then error(id .. ": " .. tostring(err), 0) end
  end
end

local part = {}

-- Everybody is asked for a value at once; the answers come in any order.
function part.average()
  teach "local i = ... function currValue() return 10 * i end"
  local answers = {}
  for i, id in ipairs(others) do answers[i] = luarpc.future(id, "currValue")() end
  local sum = 0
  for i, answer in ipairs(luarpc.all(answers)) do
    if luarpc.iserror(answer) then error(others[i] .. ": " .. tostring(answer), 0) end
    sum = sum + answer[1]
  end
  print(("average: the mean of %d values is %.1f"):format(#others, sum / #others))
end

-- mutex.lua as it stands, sent as text; we are one of those who are asked. Who is inside adds one to a tuple, in three
-- steps that somebody else could get between if two were inside.
function part.mutex()
  local ENTRIES = 3
  local file = assert(io.open(here .. "mutex.lua"))
  local text = file:read("a")
  file:close()
  local counter = luats.space "counter"
  counter:take({ luats.int }, { timeout = 0 })
  counter:out { 0 }
  local LOAD = "local _, text = ... assert(load(text, '@mutex.lua'))(0) luarpc.export('mutex', mutex)"
  assert(load(LOAD))(0, text)
  teach(LOAD, text)
  teach([[
    local _, entries = ...
    for _ = 1, entries do
      mutex.enterCS(function()
        local counter = luats.space "counter"
        local count = assert(counter:read({ luats.int }))[1]
        alua.sleep(0.01)
        assert(counter:take({ count }, { timeout = 0 }), "somebody else was inside")
        counter:out { count + 1 }
      end)
    end
  ]], ENTRIES)
  assert(counter:take({ ENTRIES * #others }, { timeout = 30 }))
  counter:destroy()
  print(("mutex: %d entries of %d processes, one after the other"):format(ENTRIES * #others, #others))
end

-- Workers take tasks on a lease: of one that is killed, the task comes back.
function part.bag()
  local COUNT = 100
  local tasks, results = luats.space "tasks", luats.space "results"
  teach [[
    alua.task.schedule(function()
      local tasks = luats.space "tasks"
      for task, lease in tasks:each({ luats.string, luats.int }, { lease = 5 }) do
        if task[1] == "over" then return lease:ack() end
        alua.sleep(0.005)
        lease:ack { results = { { task[2], task[2] ^ 2, by = alua.id } } }
      end
    end)
  ]]
  for i = 1, COUNT do tasks:out { "square", i } end
  local sum, by, helped = 0, {}, 0
  for _ = 1, COUNT do
    local result = assert(results:take({ luats.int, luats.number }, { timeout = 30 }))
    sum = sum + result[2]
    if not by[result.by] then by[result.by], helped = true, helped + 1 end
  end
  for _ = 1, #others do tasks:out { "over", 0 } end
  print(("bag: %d tasks, sum %d, done by %d of %d processes"):format(COUNT, sum, helped, #others))
end

for _, name in ipairs(#arg > 0 and arg or { "average", "mutex", "bag" }) do
  assert(part[name], "average, mutex or bag")()
end
