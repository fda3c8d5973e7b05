-- witness.lua - n1 watches n2 and has calls of all kinds pending there; n3 watches everybody
--
-- Arguments: what to call at n2 (hang, compute, nap), and its arguments. When n2 is back, n1 looks whether it can be
-- called again and whether it has kept its registered name.

local function say(...)
  print(...)
  io.stdout:flush()
end

local function pid()
  return io.open("/proc/self/stat"):read("n")
end

local prepared = alua.node ~= "n2"

function ping()
  while not prepared do alua.sleep(0.01) end
  return pid()
end

function hang()
  say("hanging")
  alua.sleep(60)
  return "woke"
end

function compute(seconds)
  say("computing")
  local till = alua.now() + tonumber(seconds)
  repeat until alua.now() > till
  return "computed"
end

function nap(seconds)
  say("napping")
  alua.sleep(tonumber(seconds))
  return "napped"
end

local function told(kind)
  return function(value, err)
    if luarpc.iserror(err) then
      say(kind, "failed", err.code, "definite=" .. tostring(err.definite))
    else
      say(kind, "returned", value)
    end
  end
end

local function is_back()
  say("again", luarpc.sync("n2", "ping")())
  say("registered", "n2's name", alua.whereis "n2's name")
end

local function witness(fname, ...)
  local here = true
  alua.watch("n2", function(what, id, node)
    say("watch", what, id, node)
    if what == "gone" then here = false end
    if what == "up" and not here then is_back() end
  end)
  dalua.events.monitor("dalua_app_fail", function(_, status, app, id) say("app", status, app, id) end)
  say("victim", luarpc.sync("n2", "ping", { wait = true })())
  fname = fname or "hang"
  luarpc.async("n2", fname, told "async")(...)
  local args = table.pack(...)
  alua.task.schedule(function()
    told "sync"(luarpc.sync("n2", fname)(table.unpack(args, 1, args.n)))
  end)
  told "future"(luarpc.future("n2", fname)(...):get())
end

if alua.node == "n3" then
  alua.watch(nil, function(what, id) say("all", what, id) end)
  alua.whereis "nobody" -- When that is answered, the broker knows who watches
end
say("pid", alua.node, pid())
if alua.node == "n1" then witness(...) end
if alua.node == "n2" then prepared = assert(alua.register "n2's name") end
alua.loop()
