local core = require "alua.core"
local check = require "luats.check"
local given = require "alua.given"
local template = require "luats.template"
local waiting = require "alua.waiting"

local function parts(term) return { core.term_parts(term) } end

-- What f raises when it is called from here, with the line of that call.
local function raised(f, ...)
  local args = table.pack(...)
  local function call() f(table.unpack(args, 1, args.n)) end
  local ok, err = pcall(call)
  assert.is_false(ok)
  return err, ("luats_spec.lua:%d: "):format(debug.getinfo(call, "S").linedefined)
end

describe("terms of templates", function()
  it("say what they are", function()
    assert.same({ "term", "any" }, parts(template.any))
    assert.same({ "term", "rest" }, parts(template.rest))
    for _, name in ipairs { "boolean", "number", "int", "float", "string", "table" } do
      assert.same({ "term", "type", name }, parts(template[name]))
    end
    assert.same({ "term", "prefix", "jo" }, parts(template.prefix "jo"))
    assert.same({ "term", "oneof", 1, "x", false }, parts(template.oneof(1, "x", false)))
    assert.same({ "term", "var", "x" }, parts(template.var "x"))
    assert.same({ "term", "where", "t[1] > 2" }, parts(template.where "t[1] > 2"))
    assert.same({ "code", "return 1" }, parts(core.code "return 1"))
    assert.same({}, parts(5))
    assert.same({}, parts(io.stdout))
  end)

  it("of ranges keep an open end", function()
    assert.same({ n = 4, "term", "range", 1, 2.5 }, table.pack(core.term_parts(template.range(1, 2.5))))
    assert.same({ n = 4, "term", "range", nil, 2 }, table.pack(core.term_parts(template.range(nil, 2))))
    assert.same({ n = 4, "term", "range", 1, nil }, table.pack(core.term_parts(template.range(1))))
  end)

  it("stand inside each other", function()
    local inner = select(3, core.term_parts(template.oneof(template.prefix "a")))
    assert.same({ "term", "prefix", "a" }, parts(inner))
  end)

  it("travel, alone and inside tables", function()
    local sent = { "job", template.any, code = core.code "return 2" }
    local term, t = core.unpack(core.pack(template.range(1, 9), sent))
    assert.is_true(term == template.range(1, 9))
    assert.is_true(t[2] == template.any)
    assert.equal(2, t.code())
  end)

  it("are userdata: a table with their metatable is a table", function()
    assert.same({ 1, 2 }, core.unpack(core.pack(setmetatable({ 1, 2 }, getmetatable(template.any)))))
  end)

  it("are equal by what they say, and to no other userdata", function()
    assert.is_true(template.oneof(1, 2) == template.oneof(1, 2))
    assert.is_false(template.oneof(1, 2) == template.oneof(2, 1))
    assert.is_false(template.any == io.stdout)
    assert.is_false(io.stdout == template.any)
    assert.is_false(core.code "any" == template.any)
  end)

  it("that are none are refused where they are made", function()
    for _, case in ipairs {
      { "a range goes from", template.range, "a" }, { "a range goes from", template.range, 1, {} },
      { "a prefix must be a string", template.prefix, 5 }, { "one of what", template.oneof },
      { "must be a string", template.var, {} }, { "must be a string", template.where },
    } do
      local err, where = raised(table.unpack(case, 2))
      assert.truthy(err:find(where .. ".*" .. case[1]), err)
    end
    local err, where = raised(template.oneof, 1, print)
    assert.truthy(err:find(where .. "one of what cannot be sent: value 2: function", 1, true), err)
  end)
end)

describe("options", function()
  it("become what the broker is told", function()
    assert.is_nil(check.wire({}, 1))
    assert.same({ ttl = 1500, lease = 10 }, check.wire({ ttl = 1.5, lease = 0.0099 }, 1))
    assert.same({ ["try"] = true }, check.wire({ timeout = 0 }, 1))
    assert.same({}, check.wire({ timeout = 5 }, 1))
  end)

  it("are refused when they are unknown or no table", function()
    assert.same({}, given.check(nil, {}, 1))
    assert.has_error(function() given.check({ x = 1 }, { y = true }, 1) end)
    assert.has_error(function() given.check(5, {}, 1) end)
  end)

  it("have a timeout of 0, a time, or for ever", function()
    for _, timeout in ipairs { 0, 0.5, 1e9, math.huge } do
      assert.equal(timeout, given.check({ timeout = timeout }, { timeout = true }, 1).timeout)
    end
    for _, timeout in ipairs { -1, "1", {}, 0 / 0, true } do
      assert.has_error(function() given.check({ timeout = timeout }, { timeout = true }, 1) end)
    end
  end)

  it("count whole milliseconds, rounded up", function()
    for seconds, ms in pairs { [0] = 0, [0.0001] = 1, [1] = 1000, [1.0001] = 1001 } do
      assert.equal(ms, given.ms(seconds, "x", 1))
    end
    assert.is_nil(given.ms(nil, "x", 1))
    for _, seconds in ipairs { -1, "1", 0 / 0, math.huge } do
      assert.has_error(function() given.ms(seconds, "x", 1) end)
    end
  end)
end)

describe("rules of options", function()
  local function takes(rule, good, bad)
    for _, value in ipairs(good) do assert.is_nil(rule(value), tostring(value)) end
    for _, value in ipairs(bad) do assert.truthy(rule(value):find "^must be ", tostring(value)) end
  end

  it("take what may be, and say what must be", function()
    takes(given.flag, { true, false }, { 1, "true", {} })
    takes(given.text, { "", "x" }, { 1, true })
    takes(given.name, { "x", ("x"):rep(255) }, { "", ("x"):rep(256), 5 })
    takes(given.table, { {} }, { 1, print })
    takes(given.callable, { print }, { {}, "print" })
    takes(given.timeout, { 0, 1, math.huge }, { -1, 0 / 0, "1" })
    takes(given.seconds, { 0, 0.5, 1e12 }, { -1, 0 / 0, math.huge, "1", 1.1e12 })
    takes(given.lifetime, { 0.001, 60, 3.16e9 }, { 0, -1, 0 / 0, math.huge, "1" })
    takes(given.span(0.01, 86400), { 0.01, 86400 }, { 0, 0.009, 86400.1, "1", 0 / 0 })
    takes(given.integer(1), { 1, 2.0, math.maxinteger }, { 0, 1.5, "1", 0 / 0, math.huge, true })
    takes(given.integer(1, 9), { 1, 9 }, { 0, 10 })
    takes(given.word("a", "b", "c"), { "a", "c" }, { "d", 1, "" })
    assert.equal('must be "a", "b" or "c"', given.word("a", "b", "c")(1))
  end)

  it("are asked by the options' names, at the caller's line", function()
    local function checked(options, rules)
      local wanted = given.check(options, rules, 2)
      return wanted
    end
    local known = { ttl = given.lifetime, any = true }
    assert.same({ ttl = 1, any = print }, checked({ ttl = 1, any = print }, known))
    for text, options in pairs {
      ["ttl must be"] = { ttl = 0 }, ["unknown option 'tll' %(did you mean 'ttl'%?%)"] = { tll = 1 },
      ["unknown option 'other' %(any, ttl%)"] = { other = 1 }, ["options must be"] = 5,
    } do
      local err, where = raised(checked, options, known)
      assert.truthy(err:find(where, 1, true) and err:find(text), err)
    end
  end)
end)

describe("a value as text for a reaction", function()
  local quote = require "luats.quote"
  local env = { term = core.term, luats = { code = core.code } }

  local function again(value) return assert(load("return " .. quote(value), "=quoted", "t", env))() end

  it("gives the value again", function()
    local sent = {
      "a\nb", 1, 2.5, true, { x = false }, by = template.range(nil, 3),
      [5.5] = template.oneof(1, template.prefix "x"), f = core.code "return '\\n'",
    }
    assert.same(sent, again(sent))
  end)

  it("is refused, without a place, for what has none", function()
    for _, value in ipairs { print, io.stdout, coroutine.create(print), core.error("usage", "x") } do
      local ok, why = pcall(quote, { value })
      assert.is_false(ok)
      assert.truthy(why:find "cannot stand in a text" and not why:find "quote.lua", why)
    end
  end)
end)

describe("a callback through which something passes", function()
  it("gets what was made of it, and failures as they are", function()
    local got
    local told = waiting.through("x", function(...) got = table.pack(...) end, math.max)
    told(1, 2)
    assert.equal(2, got[1])
    local err = core.error("timeout", "late")
    told(nil, err)
    assert.same({ n = 2, nil, err }, got)
    assert.is_nil(waiting.through("x", nil, print))
  end)
end)
