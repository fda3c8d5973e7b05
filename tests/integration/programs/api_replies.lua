-- The shapes of replies, errors and options: ids, spawn, send, exit, open, and what misuse says.
local check = dofile((arg[0]:gsub("[^/]*$", "api_check.lua")))
local same, matches, raises = check.same, check.matches, check.raises

local function name(what) return what .. math.random(1 << 40) end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The reply that f's callback gets.
local function reply_of(f)
  local reply
  f(function(...)
    same(1, select("#", ...))
    reply = ...
  end)
  check.eventually(function() return reply end)
  return reply
end

-- Programs iterate over replies and concatenate.
local function readable(reply)
  for key, value in pairs(reply) do
    if type(value) == "table" then readable(value) else same("string", type(value)) end
    same("string", type(key))
  end
end

-- ---- Ids

check.case("who we are: id, address of the network, node, and what stands in the id", function()
  matches("^[^@]+@.+$", alua.id)
  same(alua.id, dalua.self())
  same(alua.daemonid, dalua.daemon())
  same({ alua.daemonid }, dalua.daemons())
  same(alua.daemonid, alua.id:match "@(.*)$")
  same(tonumber(alua.id:match "^%d+"), dalua.getindex(alua.id))
  same(table.pack(-1, nil), dalua.getindex(nil), dalua.getindex "ann")
end)

check.case("ids of spawned processes: a number at the network's address, or the name", function()
  local ann = name "ann"
  local reply = alua.spawn(1)
  local id = next(reply.processes)
  matches("^%d+@", id)
  same(alua.daemonid, id:match "@(.*)$")
  same(table.pack(id, alua.daemonid, 0), alua.eval(id, "return alua.id, alua.daemonid, alua.rank"))
  same(ann, (next(alua.spawn({ ann }).processes)))
  same(table.pack(ann, alua.daemonid), alua.eval(ann, "return alua.id, alua.daemonid"))
  alua.exit { id, ann }
end)

-- ---- spawn

check.case("spawn by number, by name, per node: an entry for each", function()
  local ann, ben, cat = name "ann", name "ben", name "cat"
  local ok = { status = "ok", daemon = alua.daemonid }
  local reply = alua.spawn(2)
  same("ok", reply.status)
  same({ "processes", "status" }, sorted_keys(reply))
  for _, entry in pairs(reply.processes) do same(ok, entry) end
  same(2, #sorted_keys(reply.processes))
  same({ status = "ok", processes = { [ann] = ok, [ben] = ok } }, alua.spawn { ann, ben })
  local taken = { status = "error", error = "process name already exists", daemon = alua.daemonid }
  local again = reply_of(function(cb) alua.spawn({ ann, cat }, cb) end)
  same({ status = "ok", processes = { [ann] = taken, [cat] = ok } }, again)
  same({ status = "ok", processes = { [ann] = taken } }, alua.spawn { ann })
  readable(again)
  local per_node = alua.spawn { [alua.node] = 1, [alua.daemonid] = 1 }
  same("ok", per_node.status)
  same(2, #sorted_keys(per_node.processes))
  alua.exit { ann, ben, cat, table.unpack(sorted_keys(per_node.processes)) }
  alua.exit(sorted_keys(reply.processes))
end)

check.case("spawn on a node that is not there, alone and among others", function()
  same({ status = "error", error = "unknown daemon 'nowhere'" }, alua.spawn { nowhere = 1 })
  local dan = name "dan"
  local reply = alua.spawn { nowhere = { dan }, [alua.node] = 1 }
  same({ status = "error", error = "unknown daemon 'nowhere'", daemon = "nowhere" }, reply.processes[dan])
  same(2, #sorted_keys(reply.processes))
end)

check.case("spawn of what is none: a flat reply, and an error for a wrong type", function()
  local function refusal(...)
    local reply = alua.spawn(...)
    same({ "error", "status" }, sorted_keys(reply))
    readable(reply)
    return reply.error
  end
  for _, what in ipairs { 0, -1, 1.5 } do same("invalid number of process", refusal(what)) end
  same("invalid request", refusal {})
  same("duplicate name", refusal { "a", "a" })
  for _, bad in ipairs { "", "a@b", "a\nb", ("x"):rep(256), 5 } do same("invalid name", refusal { bad }) end
  matches("api_replies.lua:%d+:1: unexpected symbol", refusal "x = = 1")
  local _, reply = pcall(alua.spawn, "x = = 1")       -- The line that called pcall; once "[C]:-1"
  matches("api_replies.lua:%d+:1: unexpected symbol", reply.error)
  local _, _, err = pcall(alua.eval, alua.id, "error 'oh'")       -- Once "chunk"
  matches("api_replies.lua:%d+:1: oh", tostring(err))
  raises("a number, a table or a chunk, got nil", alua.spawn)
  raises("a number, a table or a chunk, got function", alua.spawn, print)
end)

check.case("spawn with code: it runs before all that is sent", function()
  local reply = alua.spawn("x = { alua.id, arg }", { n = 2.0 })
  for id in pairs(reply.processes) do same({ id }, alua.eval(id, "return x")) end
  same(2, #sorted_keys(reply.processes))
  local eve = name "eve"
  same("ok", reply_of(function(cb) alua.spawn("y = 7", { names = { eve } }, cb) end).processes[eve].status)
  same(table.pack(7, nil), alua.eval(eve, "return y, check"))
  alua.exit { eve, table.unpack(sorted_keys(reply.processes)) }
end)

-- ---- send and exit

check.case("the reply of send has an entry for each, itself and a list of one among them", function()
  local ann, ben = name "ann", name "ben"
  alua.spawn { ann, ben }
  local ok = { status = "ok" }
  same({ [ann] = ok }, reply_of(function(cb) alua.send(ann, "return 5", cb) end))
  same({ [alua.id] = ok }, reply_of(function(cb) alua.send(alua.id, "return 5", cb) end))
  same({ [alua.id] = ok }, reply_of(function(cb) alua.send({ alua.id, alua.id }, "return 5", cb) end))
  local chunk = ("if alua.id == %q then error('bad') end"):format(ben)
  local reply = reply_of(function(cb) alua.send({ ann, ben, "nobody", ann }, chunk, cb) end)
  readable(reply)
  same(table.pack(3, ok), #sorted_keys(reply), reply[ann])
  matches("^[^:]*api_replies.lua:%d+:1: bad$", reply[ben].error)
  matches("nobody", reply.nobody.error)
  same({ status = "error", error = "invalid destination" }, reply_of(function(cb) alua.send({}, "x = 1", cb) end))
  local late = reply_of(function(cb) alua.send(ann, "alua.sleep(60)", cb, 0.02) end)
  same({ [ann] = { status = "error", error = "no answer from " .. ann .. " within 0.02 s" } }, late)
  same({ [ann] = ok, [ben] = ok }, reply_of(function(cb) alua.exit({ ann, ben }, 0, cb) end))
  check.eventually(function() return alua.whereis(ann) == nil end)
  matches(ann, reply_of(function(cb) alua.exit(ann, 0, cb) end)[ann].error)
  same({ status = "error", error = "invalid destination" }, reply_of(function(cb) alua.exit({}, 0, cb) end))
end)

-- ---- open

check.case("open tells which network, and what is no address", function()
  local here = { status = "ok", id = alua.id, daemon = alua.daemonid }
  same(here, alua.open())
  same(here, reply_of(function(cb) alua.open(nil, cb) end))
  for _, text in ipairs {
    "", "nowhere", ":1", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "tcp://", "udp://x",
  } do
    local reply = alua.open(text)
    if reply.error ~= "already connected" then same({ status = "error", error = "invalid daemon address" }, reply) end
  end
  local unknown = alua.open "no.such.host.invalid:4321"
  if unknown.error ~= "already connected" then
    same("no broker answers at no.such.host.invalid:4321", unknown.error)
  end
  for _, cfg in ipairs { { port = -1 }, { port = 65536 }, { port = 1.5 }, { port = "x" }, { addr = 5 } } do
    same({ status = "error", error = "invalid daemon address" }, alua.create(cfg))
  end
  local far = alua.create { addr = "no.such.host", port = 4321 }
  same({ "error", "status" }, sorted_keys(far))
  matches("no.such.host:4321 could be reached by other machines", far.error)
  matches("alua keys new", far.error)               -- The advice, too; once it ended with "Two commands:"
end)

-- ---- Results

check.case("all, any and map have results and errors in their places", function()
  function two() return 1, nil, 3, nil end
  function boom() error "boom" end
  local function ask(f) return luarpc.future(alua.id, f)() end
  local all = luarpc.all { ask "two", ask "boom", ask "none" }
  same({ 1, nil, 3, nil, n = 4 }, table.unpack(all[1], 1, 4))
  same(table.pack("remote", "no_function", 3), all[2].code, all[3].code, #all)
  same({}, luarpc.all {})
  same(table.pack(2, 1, nil, 3, nil), luarpc.any { ask "boom", ask "two" })
  local none, err = luarpc.any { ask "boom", ask "none" }
  same(table.pack(nil, "no_function"), none, err.code)
  same({ n = 0 }, table.unpack(luarpc.map({ alua.id }, "two", {}), 1, 0))
  local nothing, problem, so_far = luarpc.map({ alua.id }, "boom", { 1, 2 })
  same(table.pack(nil, "remote", 2), nothing, problem.code, so_far.n)
end)

check.case("a budget for several is kept, and none is no budget", function()
  local slow = luarpc.future(alua.id, "alua.sleep")(60)
  same("timeout", luarpc.all({ slow }, { timeout = 0.01 })[1].code)
  same("timeout", select(2, luarpc.any({ slow }, { timeout = 0 })).code)
  same(true, slow:cancel())
  same(table.pack(1, "1"), luarpc.any({ luarpc.future(alua.id, "tostring")(1) }, { timeout = math.huge }))
end)

-- ---- Options

check.case("options that are none are refused where they are given", function()
  local future = luarpc.future(alua.id, "tostring")(1)
  for _, time in ipairs { "x", -1, 0 / 0 } do
    local options = { timeout = time }
    raises("must be a number of seconds", luarpc.sync, alua.id, "tostring", options)
    raises("must be a number of seconds", luarpc.all, { future }, options)
    raises("must be a number of seconds", luarpc.any, { future }, options)
    raises("must be a number of seconds", luarpc.map, { alua.id }, "tostring", { 1 }, options)
    raises("must be a number of seconds", future.get, future, time)
  end
  for _, inflight in ipairs { 0, -1, 1.5, "x" } do
    raises("inflight must be an integer from 1 up", luarpc.map, { alua.id }, "tostring", { 1 }, { inflight = inflight })
  end
  raises("count must be an integer, got string", dalua.events.monitor, "x", print, "often")
  raises("count must be an integer", dalua.timer.add, alua.id, 1, 1.5, "f")
  raises("period must be a number", dalua.timer.add, alua.id, -1, 1, "f")
end)

check.case("a timeout of 0 tries, infinity waits", function()
  same("timeout", select(2, luarpc.sync(alua.id, "alua.sleep", { timeout = 0 })(60)).code)
  same("1", luarpc.sync(alua.id, "tostring", { timeout = math.huge })(1))
end)

check.over(...)
