-- Sending, names, errors and values between two processes and with oneself.
local check = dofile((arg[0]:gsub("[^/]*$", "api_check.lua")))
local same, matches, raises = check.same, check.matches, check.raises

local helper = check.helper [[
  log = {}
  function note(...) log[#log + 1] = table.pack(...) end
  function taken()
    local all = log
    log = {}
    return all
  end
  function none() end
  function echo(...) return ... end
  function own() return nil, "text" end
  function boom() error("boom") end
  function boom_table() error({ number = 7 }) end
  function nap(seconds)
    local _, err = alua.sleep(seconds)
    note(err and err.code or "woke")
  end
  function busy(seconds)
    local till = alua.now() + seconds
    while alua.now() < till do end
  end
  function unsendable() return 1, { player = { socket = io.stdout } } end
]]
local other = check.helper "function boom() local nothing; return nothing.field end"
alua.eval(helper, "other = ...", other)

local function taken() return alua.eval(helper, "return taken()") end

-- ---- The moment of the send, order, oneself

check.case("arguments are taken as they are when they are sent", function()
  local t = { 1 }
  luarpc.async(helper, "note")(t)
  t[1] = 2
  dalua.send(helper, "note", t)
  t[1] = 3
  local future = luarpc.future(helper, "note")(t)
  t[1] = 4
  local timer = dalua.timer.add(helper, 0.005, 1, "note", t)
  t[1] = 5
  future:get()
  alua.eval(helper, "while #log < 4 do alua.sleep(0.002) end")
  timer:cancel()
  local firsts = {}
  for i, entry in ipairs(taken()) do firsts[i] = entry[1][1] end
  same({ 1, 2, 3, 4 }, firsts)
end)

check.case("what is sent to oneself never runs inside the send, nor before what was sent earlier", function()
  local order, inside = {}, true
  function mark(what) order[#order + 1] = inside and "inside" or what end
  alua.send(alua.id, "mark 'chunk'")
  dalua.send(alua.id, "mark", "dalua")
  luarpc.async(alua.id, "mark")("call")
  alua.send({ alua.id }, "mark 'list'")
  inside = false
  check.eventually(function() return #order == 4 end)
  same({ "chunk", "dalua", "call", "list" }, order)
end)

check.case("chunks and calls arrive in the order in which they were sent", function()
  for i = 1, 999, 3 do
    alua.send(helper, "note(" .. i .. ")")
    dalua.send(helper, "note", i + 1)
    luarpc.async(helper, "note")(i + 2)
  end
  for i, entry in ipairs(taken()) do
    if entry[1] ~= i then same(i, entry[1]) end
  end
end)

check.case("a chunk defines, redefines and sends on", function()
  local home = alua.id
  alua.send(helper, "function version() return 1 end")
  same(1, luarpc.sync(helper, "version")())
  alua.send(helper, "function version() return 2 end")
  same(2, luarpc.sync(helper, "version")())
  back = nil
  alua.send(helper, ("alua.send(%q, 'back = 3')"):format(home))
  check.eventually(function() return back == 3 end)
end)

-- ---- Names

check.case("names are dotted paths from the receiver's globals, built-ins among them", function()
  a = { b = { f = function(...) return "f", ... end } }
  setmetatable(a.b, { __index = { g = function() return "by __index" end } })
  callable = setmetatable({}, { __call = function(_, x) return x end })
  same(table.pack("f", 1), luarpc.sync(alua.id, "a.b.f")(1))
  same("by __index", luarpc.sync(alua.id, "a.b.g")())
  same(5, luarpc.sync(alua.id, "callable")(5))
  same(9, luarpc.sync(helper, "math.max")(3, 9))
end)

check.case("an export wins over a global of the same name, until it is taken back", function()
  exported = { f = function() return "global" end }
  luarpc.export("exported", { f = function() return "export" end })
  same("export", luarpc.sync(alua.id, "exported.f")())
  luarpc.export("exported.f", function() return "exact" end)
  same("exact", luarpc.sync(alua.id, "exported.f")())
  same(true, luarpc.unexport("exported.f"))
  same(true, luarpc.unexport("exported"))
  same(false, luarpc.unexport("exported"))
  same("global", luarpc.sync(alua.id, "exported.f")())
end)

check.case("a name that is not there comes with the nearest that is", function()
  local function guess(name) return select(2, luarpc.sync(alua.id, name)()).message end
  a = { b = { value = 1, deeper = { request = function() end } } }
  matches("did you mean 'print'", guess "pritn")
  matches("did you mean 'string.rep'", guess "string.rpe")
  matches("did you mean 'a.b.deeper.request'", guess "a.b.deeper.reqest")
  matches("'a.b.value' is no function here, but a number", guess "a.b.value")
  matches("no function 'zzzzzzz' here$", guess "zzzzzzz")
  same("no_function", select(2, luarpc.sync(helper, "a..b")()).code)
end)

check.case("ids: a node, an id, a registered name will all do", function()
  local name = "name" .. math.random(1 << 40)
  same(true, alua.register(name))
  for _, who in ipairs { alua.id, alua.node, name } do
    same(alua.id, alua.eval(who, "return alua.id"))
    same(alua.id, alua.whereis(who))
  end
  same("exists", alua.eval(helper, "return select(2, alua.register(...)).code", name))
  same(true, alua.unregister(name))
  same("unknown", select(2, alua.whereis(name)).code)
end)

check.case("a call can wait for a name that has no holder yet", function()
  local name = "later" .. math.random(1 << 40)
  same("unknown", select(2, luarpc.sync(name, "tostring")(1)).code)
  same("timeout", select(2, luarpc.sync(name, "tostring", { wait = true, timeout = 0.03 })(1)).code)
  local future = luarpc.future(name, "tostring", { wait = true })(1)
  alua.send(helper, ("alua.register(%q)"):format(name))
  same("1", future:get())
  alua.eval(helper, "alua.unregister(...)", name)
end)

-- ---- Results and errors

check.case("results come as they were returned: none is none", function()
  same(table.pack(), luarpc.sync(helper, "none")())
  same(table.pack(nil), luarpc.sync(helper, "echo")(nil))
  same(table.pack(nil, 1, nil, nil), luarpc.sync(helper, "echo")(nil, 1, nil, nil))
  same(table.pack(nil, "text"), luarpc.sync(helper, "own")())
  same({ nil, "text", n = 2 }, table.unpack(luarpc.all { luarpc.future(helper, "own")() }[1], 1, 2))
end)

check.case("an error has its fields, reads well, and its line is where the chunk was written", function()
  local line = debug.getinfo(1, "l").currentline + 1
  alua.eval(helper, "function boom() error('boom') end")
  local _, err = luarpc.sync(helper, "boom")()
  same(true, luarpc.iserror(err))
  same(table.pack("remote", helper, true), err.code, err.node, err.definite)
  matches("api_sending.lua:" .. line .. "$", err.where)
  matches("^remote: .*boom", tostring(err))
  same("<" .. tostring(err) .. ">", "<" .. err .. ">")
  matches("^at " .. helper .. " %(call boom%):\n.*in function 'boom'", err.traceback)
  same(7, select(2, luarpc.sync(helper, "boom_table")()).value.number)
  same(false, luarpc.iserror(nil) or luarpc.iserror({}) or luarpc.iserror("text"))
end)

check.case("an error of C, passed on by B, shows both in A", function()
  alua.send(helper, [[
    function pass() return luarpc.sync(other, "boom")() end
    function raise() return assert(luarpc.sync(other, "boom")()) end]])
  local _, passed = luarpc.sync(helper, "pass")()
  same(other, passed.node)
  matches("^at " .. other .. " %(call boom%):.*\npassed on by " .. helper .. "$", passed.traceback)
  local _, raised = luarpc.sync(helper, "raise")()
  same(other, raised.node)
  matches("^at " .. other .. " %(call boom%):.*\nat " .. helper .. " %(call raise%):.*in function 'assert'", raised.traceback)
end)

check.case("error objects are values: they cross the wire and stay what they are", function()
  local _, err = luarpc.sync(helper, "boom")()
  local back = luarpc.sync(helper, "echo")({ err })[1]
  same(true, luarpc.iserror(back))
  same(table.pack(err.code, err.message, err.where), back.code, back.message, back.where)
end)

check.case("whoever is gone, unknown or late is named", function()
  local third = check.helper "function nap(seconds) alua.sleep(seconds) end"
  local future = luarpc.future(third, "nap")(60)
  alua.exit(third)
  local _, err = future:get()
  same(table.pack("gone", third, false), err.code, err.node, err.definite)
  matches(third, tostring(err))
  _, err = luarpc.sync(helper, "nap", { timeout = 0.01 })(60)
  same(table.pack("timeout", helper, false), err.code, err.node, err.definite)
  matches("no answer from " .. helper .. " within 0.01 s", tostring(err))
  _, err = luarpc.sync("nobody", "nap")(60)
  same(table.pack("unknown", true), err.code, err.definite)
  alua.eval(helper, "while #log < 1 do alua.sleep(0.002) end taken()")
end)

check.case("what cannot be sent is named by its path, in both directions", function()
  local socket = { player = { socket = io.stdout } }
  matches("^unsendable: args%[2%].player.socket: userdata", select(2, luarpc.sync(helper, "echo")(1, socket)))
  matches("^unsendable: results%[2%].player.socket: userdata", select(2, luarpc.sync(helper, "unsendable")()))
  matches("^unsendable: args%[1%].player", select(2, luarpc.future(helper, "echo")(socket):get()))
  matches("^unsendable: args%[1%].player", select(2, alua.eval(helper, "return ...", socket)))
  raises("unsendable: args%[1%].player", dalua.timer.add, helper, 1, 1, "echo", socket)
  same("too_big", select(2, alua.eval(helper, "return 1", ("x"):rep(2000000))).code)
end)

check.case("a future can be asked again, with a time or without", function()
  local future = luarpc.future(helper, "nap")(0.03)
  same("timeout", select(2, future:get(0.005)).code)
  same(table.pack(), future:get())
  same(table.pack(), future:get())
  same(table.pack(true, false), future:ready(), future:cancel())
  same("woke", taken()[1][1])
end)

-- ---- Deadlines and cancels reach the far side

check.case("queued work whose caller has given up is dropped", function()
  local work = luarpc.future(helper, "busy")(1)         -- We may stand still for a part of it
  local late = luarpc.future(helper, "note", { timeout = 0.02 })("late")
  local dropped = luarpc.future(helper, "note")("dropped")
  alua.sleep(0.03)
  same(true, dropped:cancel())
  same("cancelled", select(2, dropped:get()).code)
  same("timeout", select(2, late:get()).code)
  work:get()
  same({}, taken())
end)

local function stops(how)
  for _, waiter in ipairs {
    "alua.sleep(60)", "luarpc.sync(alua.id, 'alua.sleep')(60)", "alua.eval(alua.id, 'alua.sleep(60)')",
    "luarpc.future(alua.id, 'alua.sleep')(60):get()", "luarpc.all { luarpc.future(alua.id, 'alua.sleep')(60) }",
  } do
    alua.eval(helper, "function wait() local _, err = " .. waiter .. " note(err and err.code) end")
    how()
    check.eventually(function() return alua.eval(helper, "return #log") == 1 end)
    same("cancelled", taken()[1][1])
  end
end

check.case("a coroutine that waits for somebody who has cancelled gets `cancelled`", function()
  stops(function()
    local future = luarpc.future(helper, "wait")()
    alua.sleep(0.02)
    future:cancel()
  end)
end)

check.case("a coroutine that waits beyond its caller's deadline gets `cancelled`", function()
  stops(function() same("timeout", select(2, luarpc.sync(helper, "wait", { timeout = 0.02 })()).code) end)
end)

check.case("a chunk can have a deadline, too", function()
  local reply
  alua.send(helper, "nap(60)", function(r) reply = r end, 0.02)
  check.eventually(function() return reply end)
  same("error", reply[helper].status)
  matches("within 0.02 s", reply[helper].error)
  check.eventually(function() return alua.eval(helper, "return #log") == 1 end)
  same("cancelled", taken()[1][1])
end)

-- ---- Replies as ALua 6 has them

check.case("a reply is keyed by destination: for oneself, for a list of one, duplicates once", function()
  local function reply_to(dst, chunk)
    local reply
    alua.send(dst, chunk, function(r) reply = r end)
    check.eventually(function() return reply end)
    return reply
  end
  local ok = { status = "ok" }
  same({ [helper] = ok }, reply_to(helper, "x = 1"))
  same({ [alua.id] = ok }, reply_to(alua.id, "x = 1"))
  same({ [helper] = ok }, reply_to({ helper }, "x = 1"))
  same({ [helper] = ok, [alua.id] = ok }, reply_to({ helper, alua.id, helper }, "x = 1"))
  local failed = reply_to({ alua.id, "nobody" }, "error 'no'")
  matches("api_sending.lua:%d+:1: no$", failed[alua.id].error)
  matches("nobody", failed.nobody.error)
  same({ status = "error", error = "invalid destination" }, reply_to({}, "x = 1"))
end)

-- ---- Misuse

check.case("misuse raises at the caller's line", function()
  for _, code in ipairs {
    "luarpc.sync('x', 'f', { tiemout = 1 })", "luarpc.async('x', 'f', nil, { tiemout = 1 })", "luarpc.future('x', 'f', 5)",
    "luarpc.sync('x', 'f', { timeout = -1 })", "luarpc.sync('x', '')", "luarpc.async('x', 'f', 5)", "luarpc.all({}, { x = 1 })",
    "luarpc.all { 1 }", "luarpc.any {}", "luarpc.map({ 'x' }, 'f', { 1 }, { x = 1 })", "luarpc.export('f', 5)",
    "alua.spawn('x = 1', { x = 1 })", "alua.timer.create(1, print, { x = 1 })", "alua.timer.create(-1, print)",
    "alua.timer.create(math.huge, print)", "alua.timer.cancel(1)", "alua.send(5, 'x')", "alua.send('x', print)",
    "alua.send('', 'x')", "alua.send('x', 'x', 5)", "alua.send('x', 'x', print, 'soon')", "alua.eval({}, 'x')", "alua.sleep(-1)",
    "alua.register(5)", "alua.watch('x')", "alua.exit(1.5)", "alua.open('x', 5)", "alua.create(5)", "alua.tostring(print)",
    "alua.task.schedule(5)", "dalua.send(5, 'f')", "dalua.send('', 'f')", "dalua.send('x', 5)",
    "dalua.timer.add('x', 'y', 1, 'f')",
    "dalua.timer.remove(5)", "dalua.events.monitor(5, print)", "dalua.events.raise('x', 5)", "dalua.processes(5)",
    "dalua.app.join()", "dalua.getindex(5)",
  } do
    local ok, err = pcall(assert(load("local _ = " .. code .. " return _", "=LINE")))
    if ok then error(code .. " raised nothing") end
    if not tostring(err):find "^LINE:1: " then error(code .. ": " .. tostring(err)) end
  end
end)

check.over(...)
