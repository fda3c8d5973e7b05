-- member.lua [NAME [TARGET [WATCHED]]] - register a name, call TARGET again and again, watch somebody; "-" leaves one out
--
-- Orders are chunks in a file, $ORDERS.NODE: they come through also while there is no broker.
local name, target, watched = ...

local function say(...)
  print(...)
  io.stdout:flush()
end

local calls, failures = 0, 0

function add(a, b)
  return a + b
end

function count()
  return calls, failures
end

local function call_again()
  local sum, err = luarpc.sync(target, "add")(calls, 1)
  calls = calls + 1
  if sum ~= calls then
    failures = failures + 1
    say("call failed", err)
  end
  alua.timer.create(0.01, function(t)
    t:cancel()
    call_again()
  end)
end

local questions = {
  look = alua.whereis,
  take = alua.register,
  call = function(who) return luarpc.sync(who, "add")(2, 3) end,
  briefly = function(who) return luarpc.sync(who, "add", { timeout = 0.3 })(2, 3) end,
}

local order = {}

-- What came of it, how long it took.
for verb, ask in pairs(questions) do
  order[verb] = function(who)
    local begun = alua.now()
    local value, err = ask(who)
    say(verb, who, value == nil and err.code or value, ("%.1f"):format(alua.now() - begun))
  end
end

function order.watch(who)
  alua.watch(who, function(what, id) say("watch", what, id) end)
  say "watching"
end

function order.crew()
  local ids = dalua.processes "crew"
  table.sort(ids)
  say("crew", table.concat(ids, " "))
end

local path = (os.getenv "ORDERS" or "orders") .. "." .. alua.node

local function obey()
  local file = io.open(path)
  if not file then return end
  os.remove(path)
  for line in file:lines() do
    local verb, who = line:match "^(%S+) ?(.*)$"
    alua.task.schedule(order[verb], who)
  end
  file:close()
end

if name and name ~= "-" then
  local ok, err = alua.register(name)
  say("register", name, ok and "registered" or err)
end
if watched and watched ~= "-" then
  alua.watch(watched, function(what, id) say("watch", what, id) end)
  alua.whereis(watched) -- Waits: the broker has heard of the watch, too
end
dalua.events.monitor("dalua_app_join", function(_, status, app, id) say("app", status, app, id) end)
dalua.events.monitor("dalua_app_fail", function(_, status, app, id) say("app", status, app, id) end)
alua.timer.create(0.02, obey)
while not table.concat(dalua.processes "crew", " "):find(alua.id, 1, true) do alua.sleep(0.01) end
say("member", alua.id)
if target and target ~= "-" then call_again() end
alua.loop()
