-- What waits, and that nothing else does (docs/REFERENCE.md, Waiting). An event that stands in the queue tells whether control
-- changed hands: it runs when something waits, and only then.
local check = dofile((arg[0]:gsub("[^/]*$", "api_check.lua")))

local turns = 0
local helper = check.helper [[
  function add(a, b) return a + b end
  function slow(seconds) alua.sleep(seconds) return "slept" end
]]
local function nothing() end

function turn() turns = turns + 1 end

local function queue()
  turns = 0
  alua.send(alua.id, "turn()")
  dalua.send(alua.id, "turn")
end

local function never(name, f)
  check.case(name .. " never waits", function()
    queue()
    f()
    check.same(0, turns)
    check.eventually(function() return turns == 2 end)
  end)
end

local function waits(name, f)
  check.case(name .. " waits", function()
    queue()
    f()
    check.same(2, turns)
  end)
  check.case(name .. " raises in a coroutine of somebody else", function()
    local ok, err = coroutine.wrap(function() return pcall(function() local r = table.pack(f()) return r end) end)()
    check.same(false, ok)
    check.matches("^[^:]*api_waiting.lua:%d+: cannot wait in a coroutine .*luarpc.async.*luarpc.future.*alua.step", err)
  end)
end

never("alua.send", function() alua.send(helper, "x = 1") end)
never("alua.send to oneself", function() alua.send(alua.id, "x = 1") end)
never("alua.send with a callback", function() alua.send({ helper, alua.id }, "x = 1", nothing) end)
never("alua.exit of others", function() alua.exit("nobody", 0, nothing) end)
never("alua.open with a callback", function() alua.open(nil, nothing) end)
never("alua.spawn with a callback", function() alua.spawn("alua.exit()", nothing) end)
never("alua.register with a callback", function() alua.register("name" .. math.random(1 << 40), nothing) end)
never("alua.whereis with a callback", function() alua.whereis("nobody", function(_, _) end) end)
never("alua.unregister with a callback", function() alua.unregister("nobody", function(_, _) end) end)
never("alua.timer", function() alua.timer.create(5, nothing):cancel() end)
never("alua.watch", function() alua.watch(helper, nothing):close() end)
never("alua.flush", alua.flush)
never("alua.tostring", function() alua.tostring { 1 } end)
never("dalua.send", function() dalua.send({ helper, alua.id }, "tostring", 1) end)
never("dalua.processes", function() assert(dalua.processes("nobody's")) end)
never("dalua.app", function()
  dalua.app.join("apps" .. math.random(1 << 40))
  dalua.app.create("apps" .. math.random(1 << 40))
  dalua.app.applications()
end)
never("dalua.events", function() dalua.events.raise("something", { helper, alua.id }, 1) end)
never("dalua.timer", function() dalua.timer.remove(dalua.timer.add(helper, 5, 1, "tostring")) end)
never("luarpc.async", function()
  luarpc.async(helper, "add", nothing)(1, 2)
  luarpc.async(helper, "add")(1, 2)
  luarpc.async("nobody", "add", function(_, _) end)(1, 2)
end)
never("luarpc.future", function()
  local future = luarpc.future(helper, "slow")(60)
  check.same(false, future:ready())
  check.same("timeout", select(2, future:get(0)).code)
  future:on(function(_, _) end)
  check.same(true, future:cancel())
end)

waits("luarpc.sync", function() check.same(3, luarpc.sync(helper, "add")(1, 2)) end)
waits("luarpc.sync to oneself", function() check.same("1", luarpc.sync(alua.id, "tostring")(1)) end)
waits("future:get", function() check.same(3, luarpc.future(helper, "add")(1, 2):get()) end)
waits("luarpc.all", function() check.same({ { 3, n = 1 } }, luarpc.all { luarpc.future(helper, "add")(1, 2) }) end)
waits("luarpc.any", function() check.same(table.pack(1, 3), luarpc.any { luarpc.future(helper, "add")(1, 2) }) end)
waits("luarpc.map", function() check.same({ "1", "2", n = 2 }, table.unpack(luarpc.map({ helper }, "tostring", { 1, 2 }))) end)
waits("alua.eval", function() check.same(table.pack(1, nil), alua.eval(helper, "return ...", 1, nil)) end)
waits("alua.sleep", function() alua.sleep(0.01) end)
waits("alua.open", function() check.same("ok", alua.open().status) end)
waits("alua.create", function() check.same("error", alua.create({ port = -1 }).status) end)
waits("alua.spawn", function() check.same("ok", alua.spawn("alua.exit()", { n = 1 }).status) end)
waits("alua.register", function() check.same(true, alua.register("here" .. math.random(1 << 40))) end)
waits("alua.whereis", function() check.same(helper, alua.whereis(helper)) end)

check.case("a wait inside a function of C is refused", function()
  if not coroutine.isyieldable() then return end -- The main thread of plain Lua runs the loop itself
  check.raises("cannot wait inside a function that C code calls", table.sort, { 2, 1 }, function() alua.sleep(0) end)
end)

check.case("pcall, iterators, metamethods of Lua and to-be-closed variables may wait", function()
  check.same(table.pack(true, 3), pcall(luarpc.sync(helper, "add"), 1, 2))
  for sum in function(_, last) return not last and luarpc.sync(helper, "add")(2, 2) or nil end do check.same(4, sum) end
  local asked = setmetatable({}, { __index = function(_, key) return luarpc.sync(helper, "tostring")(key) end })
  check.same("5", asked[5])
  local closed
  do
    local _ <close> = setmetatable({}, { __close = function() closed = luarpc.sync(helper, "add")(1, 1) end })
  end
  check.same(2, closed)
end)

check.case("a process that waits serves: A calls B, B calls A, and so on", function()
  local code = [[
    function factorial(n, other, me)
      if n <= 1 then return 1 end
      return n * luarpc.sync(other, "factorial")(n - 1, me, other)
    end]]
  assert(load(code))()
  alua.eval(helper, code)
  check.same(2432902008176640000, _G.factorial(20, helper, alua.id))
end)

check.over(...)
