-- What luats gives, operation by operation and option by option, wherever an event can run.
local check = dofile((arg[0]:gsub("[^/]*$", "api_check.lua")))
local same, matches = check.same, check.matches
local luats = require "luats"

local function name(what) return what .. math.random(1 << 40) end

-- A space of its own for each case.
local function case(what, f)
  check.case(what, function()
    local space = luats.space(name "space")
    f(space)
    space:destroy()
  end)
end

-- f(), of one line, raises this there.
local function misuse(pattern, f)
  local ok, err = pcall(f)
  if ok then error("no error was raised: " .. pattern, 2) end
  local line = ("api_spaces.lua:%d: "):format(debug.getinfo(f, "S").linedefined)
  if not (tostring(err):find(line, 1, true) and tostring(err):find(pattern)) then
    error(line .. pattern .. " expected, got " .. tostring(err), 2)
  end
end

-- What f's callback gets, in a table.pack.
local function heard(f)
  local got
  f(function(...) got = table.pack(...) end)
  same(nil, got) -- As an event of its own
  check.eventually(function() return got end)
  return got
end

local function code_of(...) return select("#", ...), (...), (select(2, ...)).code end
local function fails(code, ...) same(table.pack(2, nil, code), code_of(...)) end

-- ---- Plain operations

case("out, take, read, count: oldest first, each tuple once", function(space)
  local first = space:out { "job", 1 }
  same("integer", math.type(first))
  same(true, space:out { "job", 2, by = "ann" } > first)
  same(2, space:count())
  same({ "job", 1 }, space:read { "job", luats.any })
  same({ "job", 1 }, space:take { "job", luats.any })
  same({ "job", 2, by = "ann" }, space:take { "job", luats.int })
  same(0, space:count { luats.rest })
  same(table.pack(1), select("#", space:out { 1 }))
end)

case("with a callback nothing waits, and the callback gets what is returned otherwise", function(space)
  same("integer", math.type(heard(function(cb) same(true, (space:out({ 1 }, nil, cb))) end)[1]))
  same({ { 1 } }, { heard(function(cb) same(true, (space:read({ 1 }, nil, cb))) end)[1] })
  same(1, heard(function(cb) same(true, (space:count({ 1 }, nil, cb))) end)[1])
  same({ { 1 } }, heard(function(cb) same(true, (space:read_all(nil, nil, cb))) end)[1])
  same({ 1 }, heard(function(cb) same(true, (space:swap({ 1 }, { 2 }, nil, cb))) end)[1])
  same({ { 2 } }, heard(function(cb) same(true, (space:take_all(nil, nil, cb))) end)[1])
  local batch = { { "out", { 5 } }, { "count", {} }, { "take", { 5 } } }
  local results = heard(function(cb) same(true, (space:batch(batch, nil, cb))) end)[1]
  same(table.pack("integer", 0, { 5 }), math.type(results[1]), results[2], results[3])
  same(space.name, heard(function(cb) same(true, (space:stat(nil, cb))) end)[1].name)
  same(true, heard(function(cb) space:eval(alua.id, "return { 6 }", nil, cb) end)[1])
  local got = heard(function(cb) same(true, (space:take({ 6 }, { lease = 5 }, cb))) end)
  same({ 6 }, got[1])
  same(true, heard(function(cb) got[2]:extend(6, nil, cb) end)[1])
  same({ true }, { heard(function(cb) got[2]:ack({ [space.name] = { { 7 } } }, nil, cb) end)[1] })
  same({ 7 }, space:read { 7 })
  same("table", type(heard(luats.spaces)[1]))
  same({ true }, { heard(function(cb) space:destroy(nil, cb) end)[1] })
end)

case("takes with a callback do not wait; who is first in the queue is served first", function(space)
  local order = {}
  for i = 1, 5 do space:take({ luats.int }, nil, function(tuple, _) order[#order + 1] = i * 10 + tuple[1] end) end
  for i = 1, 5 do space:out { i } end
  check.eventually(function() return #order == 5 end)
  same({ 11, 22, 33, 44, 55 }, order)
end)

case("a take waits for its tuple, others go on meanwhile", function(space)
  alua.timer.create(0.01, function(t) t:cancel() space:out({ "late" }, nil, function(_, _) end) end)
  same({ "late" }, space:take { "late" })
  alua.timer.create(0.01, function(t) t:cancel() space:out({ "late" }, nil, function(_, _) end) end)
  same({ "late" }, space:read { "late" })
end)

case("the space default is meant where none is named", function(space)
  local key = space.name
  same("number", type(luats.out { key, 1 }))
  same({ key, 1 }, luats.read { key, 1 })
  same({ key, 1 }, luats.rd { key, 1 })
  same({ key, 1 }, luats.rdp { key, 1 })
  same({ key, 1 }, luats.swap({ key, 1 }, { key, 2 }))
  same(1, luats.count { key, luats.any })
  same({ { key, 2 } }, luats.read_all { key, luats.any })
  same({ key, 2 }, luats.inp { key, 2 })
  fails("timeout", luats.inp { key, luats.any })
  luats.out { key, 3 }
  same({ key, 3 }, luats["in"] { key, luats.any })
  luats.out { key, 4 }
  same({ key, 4 }, luats.in_ { key, luats.any })
  luats.out { key, 5 }
  same({ { key, 5 } }, luats.ing { key, luats.any })
  same({ key }, luats.batch { { "out", { key } }, { "take", { key } } }[2])
  same("default", luats.stat().name)
end)

case("the names of Linda are the same functions", function(space)
  for alias, method in pairs { in_ = "take", ["in"] = "take", rd = "read", ing = "take_all", rdg = "read_all" } do
    same(space[method], space[alias])
  end
end)

case("what is in a tuple comes as it went", function(space)
  local tuple = { 1, 2.5, "text", "\0\xff", true, false, { 1, { a = { 2 } } }, {}, math.huge, math.mininteger,
    named = { x = 1 }, ["other name"] = false }
  space:out(tuple)
  local got = space:take { luats.rest }
  same(tuple, got)
  same(table.pack("integer", "float"), math.type(got[1]), math.type(got[2]))
end)

case("ttl: a tuple is gone when its time is over", function(space)
  space:out({ "short" }, { ttl = 0.03 })
  space:out({ "long" }, { ttl = 60 })
  same(2, space:count())
  check.eventually(function() return space:count() == 1 end)
  same({ { "long" } }, space:read_all())
end)

case("take_all and read_all: the oldest first, at most limit", function(space)
  for i = 1, 5 do space:out { "n", i } end
  same({ { "n", 1 }, { "n", 2 } }, space:read_all({ "n", luats.any }, { limit = 2 }))
  same({ { "n", 1 }, { "n", 2 } }, space:take_all({ "n", luats.any }, { limit = 2 }))
  same(3, #space:take_all())
  same({}, space:take_all())
  same({}, space:read_all { "n" })
end)

case("swap: one goes, one comes, in one step", function(space)
  fails("timeout", space:swap({ "n", luats.int }, { "n", 1 }, { timeout = 0 }))
  same(0, space:count())
  space:out { "n", 0 }
  same({ "n", 0 }, space:swap({ "n", luats.int }, { "n", 1 }))
  same({ { "n", 1 } }, space:read_all())
  local old
  space:swap({ "m", luats.int }, { "m", 1 }, nil, function(tuple, _) old = tuple end)
  space:out { "m", 0 }
  check.eventually(function() return old end)
  same({ { "n", 1 }, { "m", 1 } }, space:read_all())
end)

-- ---- Templates

local values = {
  { 1 }, { 2.5 }, { -7 }, { "job" }, { "jobs" }, { "" }, { true }, { false }, { { 1, 2 } }, { { a = 1 } }, { 1, 1 }, { 1, 2 },
  { 1, 1, 1 }, { luats.code "return 1" },
}

local function matching(space, template)
  local list = {}
  for i, tuple in ipairs(space:read_all(template)) do list[i] = tuple end
  return list
end

case("templates of every kind", function(space)
  for _, tuple in ipairs(values) do space:out(tuple) end
  local function chosen(template, ...)
    local list = {}
    for i = 1, select("#", ...) do list[i] = values[select(i, ...)] end
    local got = matching(space, template)
    if #got ~= #list then error(#list .. " tuples expected, got " .. alua.tostring(got), 2) end
    for i = 1, #list do same(list[i], got[i]) end
  end
  chosen({ luats.any }, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)
  chosen({ luats.boolean }, 7, 8)
  chosen({ luats.number }, 1, 2, 3)
  chosen({ luats.int }, 1, 3)
  chosen({ luats.float }, 2)
  chosen({ luats.string }, 4, 5, 6)
  chosen({ luats.table }, 9, 10)
  chosen({ luats.range(1, 2.5) }, 1, 2)
  chosen({ luats.range(nil, 0) }, 3)
  chosen({ luats.range(2) }, 2)
  chosen({ luats.prefix "job" }, 4, 5)
  chosen({ luats.prefix "" }, 4, 5, 6)
  chosen({ luats.oneof(1, "jobs", false) }, 1, 5, 8)
  chosen({ luats.oneof(luats.float, luats.prefix "jobs") }, 2, 5)
  chosen({ luats.var "x", luats.var "x" }, 11)
  chosen({ luats.var "x", luats.var "x", luats.var "x" }, 13)
  chosen({ 1, luats.rest }, 1, 11, 12, 13)
  chosen({ luats.int, luats.any }, 11, 12)
  chosen({ 1.0, 2.0 }, 12)
  chosen({ { 1, luats.any } }, 9)
  chosen({ { a = luats.int } }, 10)
  chosen({ luats.any, luats.any, luats.where "t[1] < t[2]" }, 12)
  chosen({ luats.where "type(t[1]) == 'string' and prefix(t[1], 'jo')", luats.rest }, 4, 5)
  chosen({ luats.code "return 1" }, 14)
end)

case("named fields: those of the template must agree, further ones may be there", function(space)
  space:out { "car", color = "red", doors = 4 }
  same(1, space:count { "car" })
  same(1, space:count { "car", color = "red" })
  same(1, space:count { "car", color = luats.string, doors = luats.range(3, 5) })
  same(0, space:count { "car", color = "blue" })
  same(0, space:count { "car", wheels = luats.any })
end)

case("terms are values: equal by what they say, and by nothing else", function()
  same(true, luats.any == luats.any)
  same(true, luats.range(1, 2) == luats.range(1, 2))
  same(table.pack(false, false, false), luats.any == luats.rest, luats.any == io.stdout, io.stdout == luats.any)
  same("luats.range", tostring(luats.range(1)))
  check.raises("cannot be called", luats.any)
end)

case("code travels as a value and can be called by who takes it", function(space)
  space:out { "work", luats.code "local a, b = ... return a + b, alua.id" }
  local tuple = space:take { "work", luats.any }
  same(table.pack(3, alua.id), tuple[2](1, 2))
  space:out { "waits", luats.code "alua.sleep(0.001) return 7" }
  same(7, space:take({ "waits", luats.any })[2]())
  check.raises("unexpected symbol", luats.code, "return +")
end)

-- ---- Errors

case("a template's expression that cannot be read: code syntax, with the column", function(space)
  local none, err = space:take({ luats.where "t[1] >" }, { timeout = 0 })
  same(table.pack(nil, "syntax"), none, err.code)
  matches("column 7", err.message)
  fails("syntax", space:read { luats.where "t[1] >" })
  fails("syntax", space:count { luats.where "os.exit()" })
end)

case("timeout: 0 tries, a time is waited for", function(space)
  fails("timeout", space:take({ 1 }, { timeout = 0 }))
  fails("timeout", space:read({ 1 }, { timeout = 0 }))
  fails("timeout", space:rdp { 1 })
  local begun = alua.now()
  fails("timeout", space:take({ 1 }, { timeout = 0.03 }))
  same(true, alua.now() - begun > 0.025) -- Whole milliseconds are counted
  same("timeout", heard(function(cb) space:read({ 1 }, { timeout = 0.01 }, cb) end)[2].code)
  space:out { 1 }
  same(1, space:count()) -- Who has given up took nothing
end)

case("closed: the space was destroyed while somebody waited there", function(space)
  local err
  space:take({ 1 }, nil, function(_, why) err = why end)
  same(true, space:destroy())
  check.eventually(function() return err end)
  same("closed", err.code)
  same(false, space:destroy())
end)

case("what cannot be sent, and what is no tuple", function(space)
  fails("unsendable", space:out { print })
  fails("unsendable", space:take { print })
  fails("usage", space:out { 1, nil, 3 })
  fails("usage", space:out { [1.5] = true })
  same("unsendable", heard(function(cb) space:out({ print }, nil, cb) end)[2].code)
  same("usage", heard(function(cb) space:out({ 1, nil, 3 }, nil, cb) end)[2].code)
  local loop = {}
  loop[1] = loop
  fails("unsendable", space:out(loop))
  same(0, space:count())
end)

case("misuse raises at the line of whoever called", function(space)
  misuse("a tuple must be a table, got nil", function() local _ = space:out() end)
  misuse("a template must be a table, got number", function() local _ = space:take(5) end)
  misuse("a template must be a table, got string", function() local _ = space:read "x" end)
  misuse("a template must be a table", function() local _ = space:swap(1, { 1 }) end)
  misuse("a tuple must be a table", function() local _ = space:swap({ 1 }) end)
  misuse("a template must be a table", function() local _ = space:count(true) end)
  misuse("a template must be a table", function() local _ = space:take_all(1) end)
  misuse("a template must be a table", function() local _ = space:each(1) end)
  misuse("a template must be a table", function() local _ = space:watch(1, print) end)
  misuse("a function must be given, got nil", function() local _ = space:watch { 1 } end)
  misuse("callback must be a function, got number", function() local _ = space:out({ 1 }, nil, 5) end)
  misuse("callback must be a function, got table", function() local _ = space:take({ 1 }, nil, {}) end)
  misuse("options must be a table, got function", function() local _ = space:take({ 1 }, print) end)
  misuse("unknown option 'tll'", function() local _ = space:out({ 1 }, { tll = 1 }) end)
  misuse("unknown option 'lease'", function() local _ = space:read({ 1 }, { lease = 1 }) end)
  local ready = require "luats.reactions"
  misuse("n must be an integer from 0 up", function() local _ = ready.quota(space, { 1 }, "a") end)
  misuse("n must be an integer from 1 to 1024", function() local _ = ready.barrier(space, "b", 0) end)
  misuse("n must be an integer from 1 to 1024", function() local _ = ready.barrier(space, "b", 1025) end)
  misuse("name must be a string, got number", function() local _ = ready.barrier(space, 5, 1) end)
  misuse("its name must be given, got number", function() local _ = ready.join(space, { 1 }, { 2 }, 5) end)
  misuse("its name must be given, got nil", function() local _ = ready.access_log(space) end)
  misuse("operation 1: unknown option 'spaec'", function() local _ = space:batch { { "take", { 1 }, spaec = "x" } } end)
  misuse("operation 1: take takes no options", function() local _ = space:batch { { "take", { 1 }, { lease = 1 } } } end)
  misuse("limit must be an integer from 1 to 1024", function() local _ = space:take_all({ 1 }, { limit = 0 }) end)
  misuse("limit must be an integer from 1 to 1024", function() local _ = space:take_all({ 1 }, { limit = 1025 }) end)
  misuse("limit must be an integer from 1 to 1024", function() local _ = space:read_all({ 1 }, { limit = 5000 }) end)
  misuse("ttl must be a number of seconds", function() local _ = space:out({ 1 }, { ttl = "x" }) end)
  misuse("lease must be a number of seconds", function() local _ = space:take({ 1 }, { lease = -1 }) end)
  misuse("lease must be a number of seconds", function() local _ = space:each({ 1 }, { lease = "x" }) end)
  misuse("a space's name must be", function() local _ = luats.space "" end)
  misuse("a space's name must be", function() local _ = luats.space(("x"):rep(256)) end)
  misuse("a prefix must be a string", function() local _ = luats.prefix(5) end)
  misuse("a range goes from", function() local _ = luats.range "a" end)
  misuse("one of what", function() local _ = luats.oneof() end)
  misuse("a variable's name must be a string", function() local _ = luats.var() end)
  misuse("an expression must be a string", function() local _ = luats.where {} end)
  misuse("code must be a string", function() local _ = luats.code(print) end)
  misuse("a function must be given", function() local _ = luats.lost() end)
  misuse("must begin with", function() local _ = space:batch { { "put", { 1 } } } end)
  misuse("operation 2", function() local _ = space:batch { { "count", {} }, { "out" } } end)
  misuse("a space's name must be a string", function() local _ = space:batch { { "out", { 1 }, space = 5 } } end)
  misuse("a node and a chunk of Lua are needed", function() local _ = space:eval() end)
  misuse("a tuple must be a table", function() local _ = luats.out "x" end)
  misuse("a space's name must have no control", function() local _ = luats.space "a\n" end)
  misuse("operation 1: a space's name", function() local _ = space:batch { { "out", { 1 }, space = "" } } end)
end)

case("the name that was meant stands in the message, or all that there are", function(space)
  misuse("'tll' %(did you mean 'ttl'%?%)", function() local _ = space:out({ 1 }, { tll = 1 }) end)
  misuse("'laese' %(did you mean 'lease'%?%)", function() local _ = space:take({ 1 }, { laese = 1 }) end)
  misuse("'wait' %(background, timeout%)", function() local _ = space:read({ 1 }, { wait = 1 }) end)
  misuse("'1' %(background, timeout%)", function() local _ = space:read({ 1 }, { 5 }) end)
  misuse("'limt' %(did you mean 'limit'%?%)", function() local _ = space:take_all({ 1 }, { limt = 1 }) end)
  misuse("'timout' %(did you mean 'timeout'%?%)", function() local _ = space:stat { timout = 1 } end)
  misuse("'temlpate' %(did you mean 'template'%?%)", function() local _ = space:react { temlpate = {} } end)
  misuse("'spaec' %(did you mean 'space'%?%)", function() local _ = space:batch { { "take", { 1 }, spaec = "x" } } end)
  misuse("'timeout' %(ttl%)", function() local _ = space:batch { { "out", { 1 }, { timeout = 1 } } } end)
end)

case("each option has its type and its range", function(space)
  space:out { "x" }
  local _, lease = space:take({ "x" }, { lease = 5 })
  for _, bad in ipairs { 0, -1, 0 / 0, math.huge, "1", true } do
    misuse("ttl must be a number of seconds, more than 0", function() local _ = space:out({ 1 }, { ttl = bad }) end)
    misuse("ttl must be", function() local _ = space:batch { { "out", { 1 }, { ttl = bad } } } end)
    misuse("lease must be a number of seconds from 0.01 to 86400", function() local _ = space:take({ 1 }, { lease = bad }) end)
    misuse("lease must be", function() local _ = space:each({ 1 }, { lease = bad }) end)
    misuse("the time of a lease must be", function() local _ = lease:extend(bad) end)
  end
  misuse("lease must be", function() local _ = space:take({ 1 }, { lease = 0.009 }) end)
  misuse("lease must be", function() local _ = space:take({ 1 }, { lease = 86401 }) end)
  misuse("lease must be", function() local _ = space:take({ 1 }, { lease = false }) end)
  misuse("the time of a lease must be", function() local _ = lease:extend() end)
  misuse("the time of a lease must be", function() local _ = lease:extend(86401) end)
  misuse("after must be an integer from 1 up", function() local _ = space:take({ 1 }, { after = "x" }) end)
  misuse("after must be an integer from 1 up", function() local _ = space:take({ 1 }, { after = 0 }) end)
  for _, bad in ipairs { 1, "true", {} } do
    misuse("background must be true or false", function() local _ = space:out({ 1 }, { background = bad }) end)
    misuse("background must be true or false", function() local _ = space:take({ 1 }, { background = bad }) end)
    misuse("background must be true or false", function() local _ = space:each({ 1 }, { background = bad }) end)
    misuse("background must be true or false", function() local _ = space:batch({}, { background = bad }) end)
    misuse("background must be true or false", function() local _ = space:reactions { background = bad } end)
  end
  misuse("args must be a table, got string", function() local _ = space:eval(alua.id, "return {}", { args = "x" }) end)
  misuse("limit must be an integer", function() local _ = space:read_all(nil, { limit = 1.5 }) end)
  same({}, space:read_all(nil, { limit = 2.0 }))
  misuse("what is put must be", function() local _ = lease:ack { x = { "frame", 7 } } end)
  misuse("what is put must be", function() local _ = lease:ack { x = { name = 7 } } end)
  misuse("what is put must be", function() local _ = lease:ack { x = 5 } end)
  misuse("the name of a space where something is put must be", function() local _ = lease:ack { [""] = { { 1 } } } end)
  same({ true }, { lease:ack() })
end)

case("misuse of ready-made reactions is told at the caller's line, and nothing is installed", function(space)
  local ready = require "luats.reactions"
  local any, loop = { luats.any }, {}
  loop[1] = loop
  misuse("a space must be given, got string", function() local _ = ready.access_log("x", "y") end)
  misuse("a space must be given, got string", function() local _ = ready.quota("x", any, 1) end)
  misuse("a space must be given, got table", function() local _ = ready.join({}, any, any, "x") end)
  misuse("a space must be given, got nil", function() local _ = ready.barrier(nil, "x", 1) end)
  misuse("a space must be given, got nil", function() local _ = ready.arrive(nil, "x") end)
  misuse("a template must be a table, got nil", function() local _ = ready.quota(space, nil, 1) end)
  misuse("a template: .*%[2%].*function", function() local _ = ready.quota(space, { "job", print }, 1) end)
  misuse("a template: .*by", function() local _ = ready.quota(space, { by = { x = io.stdout } }, 1) end)
  misuse("a template: ", function() local _ = ready.quota(space, loop, 1) end)
  misuse("a template: an error object", function() local _ = ready.quota(space, { select(2, space:inp {}) }, 1) end)
  misuse("the first template must be a table", function() local _ = ready.join(space, 5, any, "x") end)
  misuse("the second template: .*function", function() local _ = ready.join(space, any, { print }, "x") end)
  misuse("the other space's name must be", function() local _ = ready.join(space, any, any, "") end)
  misuse("the other space's name must be", function() local _ = ready.access_log(space, ("x"):rep(256)) end)
  misuse("a barrier's name must be a string", function() local _ = ready.arrive(space, {}) end)
  misuse("unknown option 'timout'", function() local _ = ready.arrive(space, "x", { timout = 1 }) end)
  misuse("timeout must be", function() local _ = ready.arrive(space, "x", { timeout = "1" }) end)
  same(table.pack(0, 0), #space:reactions(), space:count())
  local closed = luats.space(space.name)
  closed:close()
  misuse("is closed", function() local _ = ready.quota(closed, any, 1) end)
  fails("syntax", ready.quota(space, { luats.where "t[" }, 1))
end)

case("a timeout that is none is told at the caller's line, whatever the operation", function(space)
  local bad = { timeout = "x" }
  space:out { "x" }
  local _, lease = space:take({ "x" }, { lease = 5 })
  misuse("timeout must be a number", function() local _ = space:out({ 1 }, bad) end)
  misuse("timeout must be a number", function() local _ = space:take({ 1 }, bad) end)
  misuse("timeout must be a number", function() local _ = space:take({ 1 }, { timeout = 0 / 0 }) end)
  misuse("timeout must be a number", function() local _ = space:count({ 1 }, bad) end)
  misuse("timeout must be a number", function() local _ = space:read_all({ 1 }, bad) end)
  misuse("timeout must be a number", function() local _ = space:batch({ { "count", {} } }, bad) end)
  misuse("timeout must be a number", function() local _ = space:stat(bad) end)
  misuse("timeout must be a number", function() local _ = space:destroy(bad) end)
  misuse("timeout must be a number", function() local _ = space:each({ 1 }, bad) end)
  misuse("timeout must be a number", function() local _ = space:eval(alua.id, "return {}", bad) end)
  misuse("timeout must be a number", function() local _ = lease:ack(nil, bad) end)
  misuse("timeout must be a number", function() local _ = lease:release(bad) end)
  misuse("timeout must be a number", function() local _ = lease:extend(1, bad) end)
  same({ true }, { lease:ack() }) -- It was not done by any of these
end)

case("a closed handle raises; the space goes on", function(space)
  local other = luats.space(space.name)
  do local _ <close> = other end
  other:close()
  misuse("is closed", function() local _ = other:out { 1 } end)
  misuse("is closed", function() local _ = other:each { 1 } end)
  misuse("is closed", function() local _ = other:destroy() end)
  same(true, space:out { 1 } > 0)
  same("space " .. space.name, tostring(space))
end)

-- ---- Leases

case("lease: ack consumes and puts in one step, release gives back, in the old place", function(space)
  space:out { 1 }
  space:out { 2 }
  local tuple, lease = space:take({ luats.int }, { lease = 5 })
  same({ 1 }, tuple)
  same(1, space:count())
  same(1, space:stat().leases)
  same(true, lease:release())
  same({ { 1 }, { 2 } }, space:read_all())
  _, lease = space:take({ luats.int }, { lease = 5 })
  same(true, lease:ack { [space.name] = { { 3 }, { 4 } } })
  same({ { 2 }, { 3 }, { 4 } }, space:read_all())
  fails("expired", lease:ack { [space.name] = { { 5 } } })
  fails("expired", lease:release())
  fails("expired", lease:extend(1))
  same(3, space:count())
end)

case("a lease that is over: the tuple comes back, ack says expired and puts nothing", function(space)
  space:out { 1 }
  local _, lease = space:take({ 1 }, { lease = 0.02 })
  same({ 1 }, space:read { 1 })
  fails("expired", lease:ack { [space.name] = { { 2 } } })
  same({ { 1 } }, space:read_all())
end)

case("extend keeps it", function(space)
  space:out { 1 }
  local _, lease = space:take({ 1 }, { lease = 0.05 })
  same(true, lease:extend(60))
  fails("timeout", space:take({ 1 }, { timeout = 0.1 }))
  same(true, lease:ack())
  same(0, space:count())
end)

case("a lease in a to-be-closed variable is released unless it was settled", function(space)
  space:out { 1 }
  do
    local _, lease <close> = space:take({ 1 }, { lease = 5 })
    same(0, space:count())
    same(false, lease.done)
  end
  same({ 1 }, space:take({ 1 }, { timeout = 5 }))
end)

-- ---- each

case("each: acknowledged behind the body, ends after its timeout", function(space)
  for i = 1, 3 do space:out { i } end
  local sum = 0
  for tuple, lease in space:each({ luats.int }, { timeout = 0.01 }) do
    sum = sum + tuple[1]
    same(false, lease.done)
  end
  same(6, sum)
  same(table.pack(0, 0), space:count(), space:stat().leases)
end)

case("each: who began before the end ends with it, who begins afterwards waits in the new space", function(space)
  local before, busy, after = {}, {}, {}
  local ended = 0
  local go = false
  local function worker(kind, seen, body)
    require("alua.core").task(function()
      for tuple, lease in space:each({ kind, luats.int }, { lease = 30 }) do
        seen[#seen + 1] = tuple[2]
        if body then body(lease) end
      end
      ended = ended + 1
    end)
  end
  space:out { "busy", 1 }
  worker("idle", before)
  worker("busy", busy, function(lease)
    while not go do alua.sleep(0.001) end
    lease:ack(nil, nil, function(_, err) same("expired", err.code) end) -- Else `each` would report that
  end)
  check.eventually(function() return #busy == 1 and space:stat().waiters == 1 end)
  same(true, space:destroy())
  worker("idle", after)
  check.eventually(function() return ended == 1 and space:stat().waiters == 1 end) -- The new one's
  go = true
  check.eventually(function() return ended == 2 end) -- It was busy, and does not take in the new one
  space:out { "busy", 2 }
  space:out { "idle", 3 }
  check.eventually(function() return #after == 1 end)
  same({ {}, { 1 }, { 3 } }, { before, busy, after })
  same(1, space:count { "busy", 2 })
  space:destroy()
  check.eventually(function() return ended == 3 end)
end)

case("each: ends with its handle, wherever it is, and no other does", function(space)
  local ended = {}
  local mine, other = luats.space(space.name), luats.space(space.name)
  local function worker(handle, what, body)
    require("alua.core").task(function()
      for tuple in handle:each({ what, luats.int }, { lease = 30 }) do body(tuple) end
      ended[#ended + 1] = what
    end)
  end
  local function close() mine:close() end
  worker(mine, "waits", error)
  worker(mine, "works", close)
  worker(other, "goes on", function() end)
  check.eventually(function() return space:stat().waiters == 3 end)
  space:out { "works", 1 }
  check.eventually(function() return #ended == 2 end)
  table.sort(ended)
  same({ "waits", "works" }, ended)
  check.eventually(function() return space:stat().leases == 0 end)
  same(table.pack(0, 1), space:count(), space:stat().waiters) -- What "works" had is acknowledged
  space:out { "goes on", 2 }
  check.eventually(function() return space:count() == 0 end)
  other:close()
  check.eventually(function() return #ended == 3 end)
end)

case("a handle that is closed ends whoever waits through it; what comes for them stays", function(space)
  local handle = luats.space(space.name)
  local got = {}
  local function told(what) return function(tuple, err) got[what] = table.pack(tuple, err and err.code) end end
  handle:take({ 1 }, nil, told "take")
  handle:take({ 1 }, { lease = 5, timeout = 60 }, told "lease")
  handle:read({ 1 }, nil, told "read")
  handle:swap({ 1 }, { 2 }, nil, told "swap")
  space:take({ 2 }, nil, told "another")
  local future = luarpc.future(alua.id, "wait_for_it")(space.name)
  check.eventually(function() return space:stat().waiters == 6 end)
  handle:close()
  check.eventually(function() return got.take and got.lease and got.read and got.swap end)
  for _, what in ipairs { "take", "lease", "read", "swap" } do same(table.pack(nil, "closed"), table.unpack(got[what], 1, 2)) end
  check.eventually(function() return space:stat().waiters == 2 end)
  space:out { 1 }
  space:out { 2 }
  space:out { "it" }
  check.eventually(function() return got.another end)
  same({ "it" }, future:get(5))
  same({ { 1 } }, space:read_all())
end)

case("each: released when the body raises", function(space)
  space:out { 1 }
  local ok, err = pcall(function()
    for _ in space:each { luats.int } do error "boom" end
  end)
  same(false, ok)
  matches("boom", err)
  same({ 1 }, space:take({ 1 }, { timeout = 5 }))
end)

case("each: break acknowledges, and what the body did itself stays", function(space)
  space:out { 1 }
  for tuple in space:each { 1 } do if tuple then break end end
  check.eventually(function() return space:stat().leases == 0 end)
  same(0, space:count())
  space:out { 2 }
  for _, lease in space:each({ 2 }, { timeout = 0.01 }) do
    lease:ack { [space.name] = { { 3 } } }
  end
  same({ { 3 } }, space:read_all())
  for _, lease in space:each { 3 } do
    if lease:release() then break end
  end
  same({ { 3 } }, space:read_all())
end)

case("each ends when the space is destroyed", function(space)
  local ended
  alua.send(alua.id, ("for _ in require 'luats'.space(%q):each { 1 } do end"):format(space.name), function(_)
    ended = true
  end)
  check.eventually(function() return space:stat().waiters == 1 end)
  space:destroy()
  check.eventually(function() return ended end)
end)

-- ---- More

case("batch: all or nothing, over several spaces", function(space)
  local other = luats.space(name "other")
  space:out { "a", 1 }
  local got = space:batch { { "take", { "a", luats.any } }, { "out", { "b" }, space = other.name }, { "count", {} },
    { "read", { "b" }, space = other.name }, { "out", { "c" }, { ttl = 60 } } }
  same(table.pack({ "a", 1 }, 0, { "b" }), got[1], got[3], got[4])
  same({ { "c" } }, space:read_all())
  local none, err = space:batch { { "out", { "d" } }, { "take", { "nothing" } } }
  same(table.pack(nil, "timeout"), none, err.code)
  matches("operation 2", err.message)
  same({ { "c" } }, space:read_all())
  same({}, space:batch {})
  same({}, heard(function(cb) same(true, (space:batch({}, nil, cb))) end)[1])
  local many = {}
  for i = 1, 129 do many[i] = { "count", {} } end
  fails("too_big", space:batch(many))
  other:destroy()
end)

case("eval: a live tuple becomes one when its code has run", function(space)
  same(true, space:eval(alua.id, "local a, b = ... return { a + b, alua.id }", { args = { 1, 2 } }))
  same({ 3, alua.id }, space:take { 3, luats.any })
  local _, err = space:eval(alua.id, "return 5")
  matches("must return a table, not a number", err.message)
  _, err = space:eval(alua.id, "error 'boom'")
  matches("boom", err.message)
  _, err = space:eval(alua.id, "return +")
  matches("unexpected symbol", err.message)
  fails("unknown", space:eval("nobody", "return {}"))
end)

case("watch: each matching arrival once, in order, from now on", function(space)
  space:out { 0 }
  local seen = {}
  local watch = space:watch({ luats.int }, function(tuple, missed) seen[#seen + 1] = tuple[1] + missed end)
  for i = 1, 100 do space:out({ i }, nil, function(_, _) end) end
  space:out { "other" }
  check.eventually(function() return #seen == 100 end)
  for i = 1, 100 do same(i, seen[i]) end
  same(table.pack(100, 0), watch.told, watch.missed)
  local tuple, lease = space:take({ 5 }, { lease = 5 })
  same({ 5 }, tuple)
  lease:release() -- Comes back, and is no arrival
  watch:close()
  watch:close()
  space:out { 101 }
  check.eventually(function() return space:stat().watches == 0 end)
  same(100, #seen)
end)

case("watch: goes on behind a number", function(space)
  local numbers, seen, at = {}, {}, {}
  for i = 1, 4 do numbers[i] = space:out { i } end
  space:take { 3 }
  local function note(tuple, missed, number)
    same(0, missed)
    seen[#seen + 1], at[#at + 1] = tuple[1], number
  end
  local watch = space:watch({ luats.int }, note, { after = numbers[1] })
  check.eventually(function() return #seen == 2 end)
  numbers[5] = space:out { 5 }
  check.eventually(function() return #seen == 3 end)
  same({ 2, 4, 5 }, seen)
  same({ numbers[2], numbers[4], numbers[5] }, at)
  same(numbers[5], watch.last)
  watch:close()
  space:out { 6 }
  local again = space:watch({ luats.int }, note, { after = watch.last })
  check.eventually(function() return #seen == 4 end)
  local all = space:watch({ luats.int }, note, { after = 0 })
  check.eventually(function() return #seen == 9 end)
  same({ 2, 4, 5, 6, 1, 2, 4, 5, 6 }, seen)
  again:close()
  all:close()
end)

case("watch: the end of the space is its last word", function(space)
  local seen = {}
  local watch = space:watch({ luats.int }, function(tuple, other) seen[#seen + 1] = tuple and tuple[1] or other.code end)
  space:out { 1 }
  same(true, space:destroy())
  space:out { 2 } -- In a new space of that name
  check.eventually(function() return #seen == 2 end)
  same({ 1, "closed" }, seen)
  same({ true, 1, 0 }, { watch.closed, watch.told, watch.missed })
  watch:close()
  same(0, space:stat().watches)
end)

case("stat and spaces tell what is there", function(space)
  same({ name = space.name, tuples = 0, bytes = 0, leases = 0, waiters = 0, watches = 0, reactions = 0 }, space:stat())
  space:out { 1 }
  space:take({ 2 }, { background = true }, function(_, _) end)
  check.eventually(function() return space:stat().waiters == 1 end)
  local stat = space:stat()
  same(table.pack(1, 0, 1), stat.tuples, stat.leases, stat.waiters)
  local found
  for _, one in ipairs(luats.spaces()) do found = found or one.name == space.name end
  same(true, found)
end)

case("a caller that gives up loses nothing: the tuple is there, in its place", function(space)
  for i = 1, 3 do space:out { i } end
  local future = luarpc.future(alua.id, "wait_for_it")(space.name)
  check.eventually(function() return space:stat().waiters == 1 end)
  same(true, future:cancel())
  same("cancelled", select(2, future:get()).code)
  space:out { "it" }
  same({ { 1 }, { 2 }, { 3 }, { "it" } }, space:read_all())
end)

case("large tuples: 1 MiB goes, more is refused and harms nothing", function(space)
  local text = ("x"):rep(1 << 20)
  same(true, space:out { text } > 0)
  same(#text, #space:take({ luats.string })[1])
  fails("too_big", space:out { ("x"):rep(1200000) })
  fails("too_big", space:take { ("x"):rep(1200000) })
  same(true, space:out { 1 } > 0)
end)

function wait_for_it(where) return require("luats").space(where):take { "it" } end

check.over(...)
