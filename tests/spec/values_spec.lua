local core = require "alua.core"

-- Equal as values: integers and floats told apart, NaN equal to itself, tables by what they hold.
local function same(a, b)
  if math.type(a) ~= math.type(b) or type(a) ~= type(b) then return false end
  if a ~= a then return b ~= b end
  if type(a) ~= "table" then return a == b end
  for k, v in next, a do
    if not same(v, b[k]) then return false end
  end
  for k in next, b do
    if a[k] == nil then return false end
  end
  return true
end

local function round_trip(...) return core.unpack(assert(core.pack(...))) end

local function bytes(hex) return (hex:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)) end
local function hex(text) return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

describe("values on the wire", function()
  describe("come back as they were:", function()
    local numbers = { 0, -1, 127, 128, -32, -33, 255, 256, 65535, 65536, 1 << 31, -(1 << 31), 1 << 32,
      math.maxinteger, math.mininteger, 0.0, 1.0, -0.5, 2.0 ^ 53, 1e308, 5e-324, 1 / 0, -1 / 0, 0 / 0 }
    for _, n in ipairs(numbers) do
      it(math.type(n) .. " " .. n, function() assert.is_true(same(n, (round_trip(n)))) end)
    end

    it("negative zero", function() assert.equal(-1 / 0, 1 / round_trip(-0.0)) end)

    it("strings of any bytes and length", function()
      for _, n in ipairs { 0, 1, 31, 32, 255, 256, 65535, 65536, 1000000 } do
        for _, unit in ipairs { "x", "\0", "\xff", "é" } do
          local s = unit:rep(n // #unit)
          assert.is_true(s == round_trip(s))
        end
      end
    end)

    it("nil anywhere, and how many there are", function()
      assert.equal(0, select("#", round_trip()))
      assert.same(table.pack(nil, 1, nil, nil), table.pack(round_trip(nil, 1, nil, nil)))
    end)

    it("tables of every form", function()
      local forms = { {}, { {} }, { 1, 2, 3 }, { a = 1 }, { 1, 2, a = 3 }, { [0] = 1 }, { [-1] = 1, [1] = 2 },
        { [1] = 1, [3] = 3 }, { [1.5] = 1, [true] = 2, [false] = 3 }, { { { { { "deep" } } } } } }
      for _, t in ipairs(forms) do assert.is_true(same(t, (round_trip(t)))) end
    end)

    it("lists of all lengths and maps of all sizes", function()
      for _, n in ipairs { 1, 15, 16, 17, 255, 65535, 65536, 70000 } do
        local list, map = {}, {}
        for i = 1, n do list[i], map["k" .. i] = i, i end
        assert.is_true(same(list, (round_trip(list))))
        assert.is_true(same(map, (round_trip(map))))
      end
    end)

    it("a list filled from its end is a list", function()
      local t = {}
      for i = 20, 1, -1 do t[i] = i end
      assert.equal(0xdc, core.pack(t):byte(2))
      assert.is_true(same(t, (round_trip(t))))
    end)

    it("a table that is reached twice arrives twice", function()
      local t = { 1 }
      local r = round_trip({ t, t })
      assert.is_true(same({ { 1 }, { 1 } }, r))
      assert.are_not.equal(r[1], r[2])
    end)
  end)

  -- A value with everything in it that may travel.
  local function random_value(random, depth)
    local kind = random(depth > 0 and 9 or 6)
    if kind == 1 then return random(0) end
    if kind == 2 then return random(-200, 200) end
    if kind == 3 then return random() * 10 ^ random(-300, 300) end
    if kind == 4 then return random(2) == 1 end
    if kind == 5 then return ("abc é "):rep(random(0, 8)) end
    if kind == 6 then
      local s = {}
      for i = 1, random(0, 40) do s[i] = string.char(random(0, 255)) end
      return table.concat(s)
    end
    local t, n = {}, random(0, 20)
    for i = 1, n do
      local key = i
      if kind == 8 or kind == 9 and random(3) == 1 then key = random_value(random, 0) end
      if key == key then t[key] = random_value(random, depth - 1) end
    end
    return t
  end

  it("3000 random values come back as they were", function()
    math.randomseed(2009)
    for i = 1, 3000 do
      local value = random_value(math.random, i % 5)
      local back, err = core.unpack(assert(core.pack(value)))
      assert(same(value, back), ("value %d is another: %s"):format(i, tostring(err)))
    end
  end)

  it("any cut of random bytes is refused or read, never more", function()
    math.randomseed(1993)
    for i = 1, 300 do
      local packed = core.pack(random_value(math.random, i % 4))
      for _ = 1, 10 do
        local at = math.random(#packed)
        local broken = packed:sub(1, at - 1) .. string.char(math.random(0, 255)) .. packed:sub(at + 1)
        local first, err = core.unpack(math.random(2) == 1 and broken or packed:sub(1, at - 1))
        assert(first ~= nil or err == nil or core.iserror(err))
      end
    end
  end)

  it("have one canonical form", function()
    local forms = { [1] = "9101", [127] = "917f", [128] = "91cc80", [-33] = "91d0df", [true] = "91c3",
      ["é"] = "91a2c3a9", ["\xff"] = "91c401ff" }
    for value, form in pairs(forms) do assert.equal(form, hex(core.pack(value))) end
    assert.equal("91cb3ff0000000000000", hex(core.pack(1.0)))
    assert.equal("9180", hex(core.pack {}))
    assert.equal("919101", hex(core.pack { 1 }))
  end)

  describe("that cannot be sent are named by their path:", function()
    local loop = {}
    loop.a = { b = { loop } }
    local meta_loop = setmetatable({}, {})
    getmetatable(meta_loop).__pack = function(self) return { self } end
    local deep = {}
    do
      local t = deep
      for _ = 1, 100 do t.x = {} t = t.x end
    end
    local cases = {
      { "userdata", "args[2].player.socket: userdata (FILE*)", 1, { player = { socket = io.stdout } } },
      { "function", "args[1]: function", print },
      { "coroutine", "args[1][2][3]: thread", { 0, { 1, 2, coroutine.create(print) } } },
      { "odd keys", "args[1][\"a b\"][-1][2.5][true]: function",
        { ["a b"] = { [-1] = { [2.5] = { [true] = print } } } } },
      { "table as key", "args[1].x[table]: a table as a key", { x = { [{}] = 1 } } },
      { "function as key", "args[1][function]: a function as a key", { [print] = 1 } },
      { "cycle", "args[1].a.b[1]: a table that is inside itself", loop },
      { "cycle through a hook", "args[1][1]: a table that is inside itself", meta_loop },
      { "long key", "args[1][\"" .. ("k"):rep(40) .. "...\"]: function", { [("k"):rep(99)] = print } },
    }
    for _, case in ipairs(cases) do
      it(case[1], function()
        local none, err = core.pack(table.unpack(case, 3))
        assert.is_nil(none)
        assert.equal("unsendable", err.code)
        assert.equal(case[2], err.message)
      end)
    end

    it("too deep", function()
      local _, err = core.pack(deep)
      assert.equal("too_deep", err.code)
      assert.truthy(err.message:find("args[1].x.x", 1, true))
    end)

    it("too big, by bytes and by number", function()
      local many, shared = {}, { ("x"):rep(1000) }
      for i = 1, 300000 do many[i] = i end
      for _ = 1, 40 do shared = { shared, shared } end -- 2^40 copies
      for _, value in ipairs { ("x"):rep(2000000), many, shared } do
        local _, err = core.pack(value)
        assert.equal("too_big", err.code)
      end
    end)

    it("and packing goes on as if nothing had been", function()
      for _ = 1, 100 do core.pack({ "x", print }) end
      assert.equal("9101", hex(core.pack(1)))
    end)
  end)

  describe("with metatables", function()
    it("lose them", function()
      local t = round_trip(setmetatable({ 1 }, { __index = { x = 2 } }))
      assert.is_nil(getmetatable(t))
      assert.is_nil(t.x)
    end)

    it("have their raw content read", function()
      local t = setmetatable({ 1, 2 }, { __len = function() return 9 end, __pairs = error, __index = error })
      assert.is_true(same({ 1, 2 }, (round_trip(t))))
    end)

    it("are what their __pack hook says", function()
      local point = { __pack = function(self) return { "point", self.x } end }
      local r = round_trip({ setmetatable({ x = 3, f = print }, point) })
      assert.is_true(same({ { "point", 3 } }, r))
      assert.is_nil((round_trip(setmetatable({}, { __pack = function() end }))))
    end)

    it("name the hook that failed", function()
      local _, err = core.pack({ k = setmetatable({}, { __pack = function() error("no", 0) end }) })
      assert.equal("args[1].k: __pack: no", err.message)
    end)

    it("may pack others meanwhile", function()
      local t = setmetatable({}, { __pack = function() return core.pack("inner") end })
      local a, b, c = round_trip("before", t, "after")
      assert.same({ "before", core.pack("inner"), "after" }, { a, b, c })
    end)
  end)

  describe("from other languages", function()
    local function refused(text) return select(2, core.unpack(bytes(text))) end

    it("have integers past 2^63 as floats", function()
      assert.equal(2.0 ^ 64, core.unpack(bytes "91cfffffffffffffffff"))
      assert.equal("float", math.type(core.unpack(bytes "91cf8000000000000000")))
      assert.equal(math.maxinteger, core.unpack(bytes "91cf7fffffffffffffff"))
    end)

    it("have integers and floats of every width", function()
      local r = table.pack(core.unpack(bytes("98ccffcd0100ce00010000d080d18000d280000000"
        .. "d3ffffffffffffffffca3fc00000")))
      assert.is_true(same({ 255, 256, 65536, -128, -32768, -2147483648, -1, 1.5, n = 8 }, r))
    end)

    it("may have nil in arrays and maps", function()
      assert.is_true(same({ [1] = 1, [3] = 3 }, (core.unpack(bytes "919301c003"))))
      assert.is_true(same({}, (core.unpack(bytes "9181a161c0"))))
    end)

    it("cannot have nil, NaN or tables as keys", function()
      for _, text in ipairs { "9181c001", "9181cb7ff800000000000001", "91819001", "91818001" } do
        assert.equal("malformed", refused(text).code)
      end
    end)

    it("are refused when cut, too long, unknown or no array", function()
      for _, text in ipairs { "", "91", "9201", "910101", "01", "91c1", "91dbffffffff", "91d40561" } do
        assert.equal("malformed", refused(text).code)
      end
    end)

    it("are refused when nested too deeply", function()
      local text = ("91"):rep(100) .. "01"
      assert.equal("too_deep", refused(text).code)
    end)

    it("cannot hide depth in error objects", function()
      local function as_error(map) return "\xc9" .. (">I4"):pack(#map) .. "\1" .. map end
      local inner = bytes "80"
      for _ = 1, 50 do inner = "\x81\xa5value" .. as_error(inner) end
      local _, err = core.unpack("\x91" .. as_error(inner))
      assert.equal("malformed", err.code)
    end)
  end)

  describe("that are error objects", function()
    it("stay error objects", function()
      local e = core.error("full", "no room", { node = "2@ana", value = { 1 } })
      local r = round_trip({ e })[1]
      assert.is_true(core.iserror(r))
      assert.same({ "full", "no room", "2@ana" }, { r.code, r.message, r.node })
      assert.same({ true, 1 }, { r.definite, r.value[1] })
      assert.equal(e.where, r.where)
    end)

    it("drop a value that cannot travel", function()
      local r = round_trip(core.error("remote", "m", { value = print }))
      assert.equal("m", r.message)
      assert.is_nil(r.value)
    end)

    it("read well", function()
      local e = core.error("timeout", "no answer from 2@ana within 30 s")
      assert.equal("timeout: no answer from 2@ana within 30 s", tostring(e))
      assert.equal("failed: " .. tostring(e) .. "!", "failed: " .. e .. "!")
      assert.is_false(e.definite)
      assert.truthy(e.where:find("values_spec.lua:%d+$"))
      assert.is_nil(e.traceback)
    end)

    it("are told from other tables", function()
      assert.is_false(core.iserror({ code = "timeout", message = "m" }))
      assert.is_false(core.iserror("x"))
      assert.is_false(core.iserror())
    end)
  end)
end)
