-- caller.lua NAME - call a name whose holder comes and goes; each line of standard input is an order
local name = ...

local function say(...)
  print(...)
  io.stdout:flush()
end

local function tell(what, value, err)
  if value == nil then say(what, "failed", err.code, err) else say(what, value) end
end

local orders = {
  call = function() tell("call", luarpc.sync(name, "ask")()) end,
  wait = function() tell("wait", luarpc.sync(name, "ask", { wait = true, timeout = 15 })()) end,
  briefly = function() tell("briefly", luarpc.sync(name, "ask", { wait = true, timeout = 0.3 })()) end,
  where = function() tell("where", alua.whereis(name)) end,
  register = function() tell("register", alua.register(name)) end,
  unregister = function() tell("unregister", alua.unregister(name)) end,
}

function order(word)
  orders[word]()
end

alua.watch(name, function(what, id) say("watch", what, id) end)
say("caller", alua.id)
alua.loop()
