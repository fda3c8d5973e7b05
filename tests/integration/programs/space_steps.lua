-- One operation at a time, begun as soon as a file is there, so that a test can choose the moment; what comes of it is printed.
local space = luats.space "steps"
local lease
local list = {}                             -- Of messages

local operations = {
  out = function() return space:out { "put", 1 } end,
  take = function() return space:take { "job", luats.int } end,
  soon = function() return space:take({ "job", luats.int }, { timeout = 0.2 }) end,
  try = function() return space:take({ "job", luats.int }, { timeout = 0 }) end,
  lease = function()
    local tuple, found = space:take({ "job", luats.int }, { lease = 3600 })
    if tuple then lease = found end
    return tuple, found
  end,
  ack = function() return lease:ack { steps = { { "put", 1 } } } end,
  release = function() return lease:release() end,
  swap = function() return space:swap({ "job", luats.int }, { "put", 1 }) end,
  take_all = function() return space:take_all({ "job", luats.int }) end,
  batch = function() return space:batch { { "take", { "job", luats.int } }, { "out", { "put", 1 } } } end,
  publish = function() return luaps.publish("steps", 1, { ack = true }) end,
  will = function() return luaps.will("steps", "will") end,
  request = function() return luaps.request("answers", 1) end,
}

local function print_outcome(name, result, err)
  if result == nil then return print(name, err.code, err.definite) end
  print(name, "done", type(result) == "table" and #result or result)
end

function later(name, flag)
  print("ready", name)
  local file = io.open(flag)
  while not file do
    alua.sleep(0.002)
    file = io.open(flag)
  end
  file:close()
  os.remove(flag)
  print("asks", name)
  print_outcome(name, operations[name]())
end
function now(name) return operations[name]() ~= nil end
function listen() luaps.subscribe("steps", function(msg) list[#list + 1] = msg.value end) end
function answer()
  luaps.subscribe("answers", function(msg)
    list[#list + 1] = msg.value
    msg:reply(msg.value + 1)
  end)
end
function heard() return list end
luats.lost(function() print "lost" end)
alua.loop()
