-- What operations on spaces give back, waited for and by callback; what messages of topics hold.
local check = dofile((arg[0]:gsub("[^/]*$", "api_check.lua")))
local same, raises = check.same, check.raises
local any = luats.any

local function fresh() return luats.space("s" .. math.random(1 << 40)) end

-- All that a callback gets.
local function heard(f)
  local got
  f(function(...) got = table.pack(...) end)
  check.eventually(function() return got end)
  return got
end

local function unpacked(t) return table.unpack(t, 1, t.n) end

check.case("a put gives a number; what is taken or read comes alone", function()
  local s = fresh()
  same("integer", math.type(s:out { "job", 1 }))
  same(table.pack({ "job", 1 }), s:read { "job", any })
  same(table.pack({ "job", 1 }), s:take { "job", any })
  s:out { "job", 2 }
  same(table.pack({ { "job", 2 } }), s:read_all())
  same(table.pack({ "job", 2 }), s:swap({ "job", any }, { "job", 3 }))
  same(table.pack({ "job", 3 }), s:take({ "job", any }, { timeout = 1 }))
  local tuple, err = s:take({ "job", any }, { timeout = 0 })
  same(nil, tuple)
  same("timeout", err.code)
end)

check.case("by callback it is the same", function()
  local s = fresh()
  same(1, heard(function(cb) s:out({ "job", 1 }, nil, cb) end).n)
  same(table.pack({ "job", 1 }), unpacked(heard(function(cb) s:read({ "job", any }, nil, cb) end)))
  same(table.pack({ { "job", 1 } }), unpacked(heard(function(cb) s:take_all(nil, nil, cb) end)))
  local failure = heard(function(cb) s:take({ "job" }, { timeout = 0.01 }, cb) end)
  same(nil, failure[1])
  same("timeout", failure[2].code)
end)

check.case("a lease comes second, to a callback too", function()
  local s = fresh()
  s:out { "job", 1 }
  local tuple, lease = s:take({ "job", any }, { lease = 10 })
  same({ "job", 1 }, tuple)
  same(true, lease:release())
  local got = heard(function(cb) s:take({ "job", any }, { lease = 10 }, cb) end)
  same({ "job", 1 }, got[1])
  same(true, got[2]:ack())
  same(0, s:count())
end)

check.case("misuse is told at the caller's line", function()
  local s = fresh()
  raises("api_answers.lua:%d+: a template must be a table, got number", function() s:take(5) end)
  raises("api_answers.lua:%d+: a tuple must be a table, got nil", function() s:out() end)
  raises("api_answers.lua:%d+: callback must be a function, got number", function() s:out({}, nil, 5) end)
  s:close()
  raises("api_answers.lua:%d+: space '.*' is closed", function() s:read {} end)
end)

check.case("a message has what belongs to it and no more", function()
  local topic = "t" .. math.random(1 << 40)
  local sub <close> = luaps.subscribe(topic)
  same(1, luaps.publish(topic, { 1 }, { ack = true }))
  local msg = sub:next { timeout = 5 }
  same({ topic, { 1 }, alua.id, 1, 0 }, { msg.topic, msg.value, msg.publisher, msg.seq, msg.missed })
  same("float", math.type(msg.time))
  same(nil, msg.retained or msg.replayed or msg.will or msg.reply_to)
  luaps.publish(topic, 2, { retain = true, ack = true })
  local late <close> = luaps.subscribe(topic)
  msg = late:next { timeout = 5 }
  same({ 2, true }, { msg.value, msg.retained })
end)

-- More than a window: the broker is told of what was handled, also where a handler raises.
check.case("messages go on behind the window", function()
  local topic, handled = "t" .. math.random(1 << 40), 0
  local sub <close> = luaps.subscribe(topic, function(msg)
    handled = handled + 1
    if msg.value % 50 == 0 then error "expected: every fiftieth" end
  end, { window = 8 })
  local pulled <close> = luaps.subscribe(topic, nil, { window = 4 })
  for i = 1, 200 do luaps.publish(topic, i, { ack = i == 1 }) end
  for i = 1, 200 do same(i, pulled:next { timeout = 5 }.value) end
  check.eventually(function() return handled == 200 end)
  same(0, sub.missed + pulled.missed)
end)

check.over(...)
