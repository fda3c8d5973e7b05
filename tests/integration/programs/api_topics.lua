-- What luaps gives, option by option, wherever an event can run.
local check = dofile((arg[0]:gsub("[^/]*$", "api_check.lua")))
local same, matches = check.same, check.matches
local luaps = require "luaps"

-- A topic of its own for each case, and what must be closed behind it.
local function case(what, f)
  check.case(what, function()
    local opened = {}
    local function subscribe(...)
      opened[#opened + 1] = luaps.subscribe(...)
      return opened[#opened]
    end
    f("t" .. math.random(1 << 40), subscribe)
    for _, sub in ipairs(opened) do sub:close() end
  end)
end

-- f(), of one line, raises this there.
local function misuse(pattern, f)
  local ok, err = pcall(f)
  if ok then error("no error was raised: " .. pattern, 2) end
  local line = ("api_topics.lua:%d: "):format(debug.getinfo(f, "S").linedefined)
  if not (tostring(err):find(line, 1, true) and tostring(err):find(pattern)) then
    error(line .. pattern .. " expected, got " .. tostring(err), 2)
  end
end

local function publish(topic, value, options)
  local told = { ack = true }
  for key, option in pairs(options or {}) do told[key] = option end
  local receivers, err = luaps.publish(topic, value, told)
  if not receivers then error(err, 2) end
  return receivers
end

-- The values of what a subscription has by now: of all that was published before.
local function values(sub)
  local list = {}
  for msg in sub:messages { timeout = 0.05 } do list[#list + 1] = msg.value end
  return list
end

local function fails(code, ...)
  same(table.pack(2, nil, code), select("#", ...), (...), (select(2, ...)).code)
end

case("a message: what is in it", function(topic, subscribe)
  local sub = subscribe(topic .. ".*")
  same(true, luaps.publish(topic .. ".a", { 1, x = "y" }))
  local msg = sub:next { timeout = 5 }
  same(table.pack(topic .. ".a", { 1, x = "y" }, alua.id, 1, 0), msg.topic, msg.value, msg.publisher, msg.seq, msg.missed)
  same(table.pack(nil, nil, nil), msg.retained, msg.replayed, msg.will)
  same(true, math.abs(msg.time - os.time()) < 60)
  fails("usage", msg:reply(1))
end)

case("wildcards: * is one word, > one or more", function(topic, subscribe)
  local patterns = { "", ".*", ".>", ".a", ".*.b", ".a.*", ".a.>", ".*.*" }
  local subs = {}
  for i, pattern in ipairs(patterns) do subs[i] = subscribe(topic .. pattern) end
  for _, tail in ipairs { "", ".a", ".a.b", ".c.b", ".a.b.c" } do luaps.publish(topic .. tail, tail) end
  local expected = { { "" }, { ".a" }, { ".a", ".a.b", ".c.b", ".a.b.c" }, { ".a" }, { ".a.b", ".c.b" }, { ".a.b" },
    { ".a.b", ".a.b.c" }, { ".a.b", ".c.b" } }
  for i = 1, #patterns do same(expected[i], values(subs[i])) end
end)

case("ack: how many subscriptions it went to, also to a callback", function(topic, subscribe)
  same(0, publish(topic, 1))
  subscribe(topic)
  subscribe(topic)
  same(2, publish(topic, 2))
  local heard
  luaps.publish(topic, 3, nil, function(receivers, _) heard = receivers end)
  check.eventually(function() return heard end)
  same(2, heard)
end)

case("a handler gets messages as events, in order", function(topic, subscribe)
  local seen = {}
  subscribe(topic, function(msg) seen[#seen + 1] = msg.value end)
  for i = 1, 1000 do luaps.publish(topic, i) end
  check.eventually(function() return #seen == 1000 end)
  for i = 1, 1000 do same(i, seen[i]) end
end)

case("retained: the last one is there for those who come later; nil takes it away", function(topic, subscribe)
  publish(topic, 1, { retain = true })
  publish(topic, 2, { retain = true })
  publish(topic, 3)
  local sub = subscribe(topic)
  local msg = sub:next { timeout = 5 }
  same(table.pack(2, true), msg.value, msg.retained)
  same(table.pack(nil, "timeout"), (sub:next { timeout = 0.02 }), select(2, sub:next { timeout = 0 }).code)
  publish(topic, nil, { retain = true })
  same({}, values(subscribe(topic)))
end)

case("retained with ttl: gone when its time is over", function(topic, subscribe)
  publish(topic, 1, { retain = true, ttl = 0.02 })
  check.eventually(function()
    local sub = luaps.subscribe(topic)
    local msg = sub:next { timeout = 0.01 }
    sub:close()
    return msg == nil
  end)
  subscribe(topic)
end)

case("the past: last, since and seq", function(topic, subscribe)
  subscribe(topic, nil, { last = 0 }) -- From now on more than the last one is kept
  publish(topic, 0)
  for i = 1, 5 do publish(topic, i) end
  local sub = subscribe(topic, nil, { last = 2 })
  local msg = sub:next { timeout = 5 }
  same(table.pack(4, true), msg.value, msg.replayed)
  publish(topic, 6)
  same({ 5, 6 }, values(sub))
  same({ 3, 4, 5, 6 }, values(subscribe(topic, nil, { seq = 4 })))
  same({ 0, 1, 2, 3, 4, 5, 6 }, values(subscribe(topic, nil, { since = 60 })))
  same({ 6 }, values(subscribe(topic, nil, { since = 60, last = 1 })))
  same({}, values(subscribe(topic, nil, { since = os.time() + 1000 })))
end)

case("why messages were left out: a history that is too short, a queue that is full", function(topic, subscribe)
  subscribe(topic, nil, { last = 0 })
  for i = 1, 1099 do luaps.publish(topic, i) end
  publish(topic, 1100)
  local late = subscribe(topic, nil, { seq = 1 })
  local msg = late:next { timeout = 5 }
  same(table.pack(77, 76, "history"), msg.value, msg.missed, msg.cause)
  same(nil, late:next({ timeout = 5 }).cause)
  local slow = subscribe(topic, nil, { window = 1, count = 1 })
  for i = 1, 4 do publish(topic, i) end
  local first, full = slow:next { timeout = 5 }, slow:next { timeout = 5 }
  same(table.pack(1, 0, nil, 4, 2, "full"), first.value, first.missed, first.cause, full.value, full.missed, full.cause)
  same(2, slow.missed)
end)

case("filters: an expression of value, topic and publisher", function(topic, subscribe)
  local sub = subscribe(topic .. ".>", nil, { filter = "value.t > 20 and suffix(topic, '.hall')" })
  publish(topic .. ".hall", { t = 21 })
  publish(topic .. ".hall", { t = 19 })
  publish(topic .. ".yard", { t = 22 })
  publish(topic .. ".hall", "no table")
  publish(topic .. ".hall", { t = 23 })
  same({ { t = 21 }, { t = 23 } }, values(sub))
  same({ 1 }, values((function()
    local mine = subscribe(topic, nil, { filter = ("publisher == %q"):format(alua.id) })
    publish(topic, 1)
    return mine
  end)()))
end)

case("delay: published later, in its time", function(topic, subscribe)
  local sub = subscribe(topic)
  same(0, publish(topic, "late", { delay = 0.3 }))
  publish(topic, "soon")
  same("soon", sub:next({ timeout = 5 }).value)
  same("late", sub:next({ timeout = 5 }).value)
end)

case("groups: each message to one member", function(topic, subscribe)
  local counts, sum = { 0, 0, 0 }, 0
  for i = 1, 3 do
    subscribe(topic, function(msg)
      counts[i] = counts[i] + 1
      sum = sum + msg.value
    end, { group = "workers" })
  end
  for i = 1, 300 do luaps.publish(topic, i) end
  check.eventually(function() return sum == 300 * 301 // 2 end)
  for i = 1, 3 do same(true, counts[i] > 50) end
end)

case("request: the first answer, all answers, nobody, too late", function(topic, subscribe)
  fails("unknown", luaps.request(topic, 1))
  subscribe(topic, function(msg) msg:reply(msg.value + 1) end)
  same(2, luaps.request(topic, 1))
  subscribe(topic, function(msg) msg:reply(msg.value + 1) end)
  same(table.pack(6, 6), table.unpack(luaps.request(topic, 5, { gather = 2 })))
  same(table.pack(6, 6), table.unpack(luaps.request(topic, 5, { gather = true, timeout = 0.1 })))
  local heard
  luaps.request(topic, 7, nil, function(answer, _) heard = answer end)
  check.eventually(function() return heard end)
  same(8, heard)
  local silent = topic .. ".silent"
  subscribe(silent, function(_) end)
  fails("timeout", luaps.request(silent, 1, { timeout = 0.02 }))
  same(0, #luaps.request(silent, 1, { gather = true, timeout = 0.02 }))
  subscribe(silent, function(msg) msg:reply(nil) end)
  same(table.pack(1, nil), select("#", luaps.request(silent, 1)), (luaps.request(silent, 1)))
  same(8, luaps.request(topic, 7, { timeout = math.huge }))
end)

case("pulling: several wait, each message goes to one; what came is there after close", function(topic, subscribe)
  local sub = subscribe(topic)
  local got = {}
  for _ = 1, 3 do
    local one = luarpc.future(alua.id, "pull_topic")
    got[#got + 1] = one
  end
  _G.pull_topic = function() return sub:next({ timeout = 5 }).value end
  for i, ask in ipairs(got) do got[i] = ask() end
  alua.sleep(0.01)
  for i = 1, 3 do luaps.publish(topic, i) end
  local sum = 0
  for i = 1, 3 do sum = sum + got[i]:get() end
  same(6, sum)
  publish(topic, 4)
  check.eventually(function() return sub.last >= 4 end)
  sub:close()
  same(4, sub:next().value)
  same(table.pack(nil, nil), sub:next())
  for _ in sub:messages() do error "closed" end
  same("1", luarpc.sync(alua.id, "tostring")(1)) -- What was consumed of a closed one is no strike
end)

case("close ends a loop that waits", function(topic, subscribe)
  local sub = subscribe(topic)
  alua.timer.create(0.01, function(t) t:cancel() sub:close() end)
  for _ in sub:messages() do error "nothing was published" end
  sub:close()
end)

case("what the broker refuses", function(topic)
  fails("usage", luaps.publish(topic .. "..x", 1, { ack = true }))
  fails("usage", luaps.publish(topic .. ".*", 1, { ack = true }))
  fails("denied", luaps.publish("$alua.node.x", 1, { ack = true }))
  fails("unsendable", luaps.publish(topic, print))
  fails("unsendable", luaps.publish(topic, print, { ack = true }))
  fails("too_big", luaps.publish(topic, ("x"):rep(1200000)))
  fails("usage", luaps.publish(("x"):rep(65536), 1, { ack = true }))
  fails("usage", luaps.will(topic .. ".*", 1))
end)

case("will: set and taken back", function(topic)
  same(true, luaps.will(topic, "dead", { retain = true, ttl = 60 }))
  local heard
  luaps.will(nil, nil, nil, function(ok, _) heard = ok end)
  check.eventually(function() return heard end)
  same(true, heard)
end)

case("misuse raises at the line of whoever called", function(topic, subscribe)
  misuse("a topic must be a string", function() local _ = luaps.publish(5, 1) end)
  misuse("a topic must be a string", function() local _ = luaps.subscribe() end)
  misuse("a topic must be a string", function() local _ = luaps.request("", 1) end)
  misuse("a topic must be a string", function() local _ = luaps.will(true) end)
  misuse("unknown option 'retian'", function() local _ = luaps.publish(topic, 1, { retian = true }) end)
  misuse("ttl must be a number", function() local _ = luaps.publish(topic, 1, { ttl = "x" }) end)
  misuse("delay must be a number", function() local _ = luaps.publish(topic, 1, { delay = -1 }) end)
  misuse("timeout must be a number", function() local _ = luaps.publish(topic, 1, { ack = true, timeout = "x" }) end)
  misuse("callback must be a function", function() local _ = luaps.publish(topic, 1, nil, 5) end)
  misuse("a handler must be a function, got number", function() local _ = luaps.subscribe(topic, 5) end)
  misuse("unknown option 'grup'", function() local _ = luaps.subscribe(topic, nil, { grup = "x" }) end)
  misuse("gap must be a function", function() local _ = luaps.subscribe(topic, nil, { gap = 5 }) end)
  misuse("got an empty one", function() local _ = luaps.subscribe("") end)
  misuse("window must be an integer", function() local _ = luaps.subscribe(topic, nil, { window = 0 }) end)
  misuse("since must be a number", function() local _ = luaps.subscribe(topic, nil, { since = "x" }) end)
  misuse("timeout must be a number", function() local _ = luaps.request(topic, 1, { timeout = "x" }) end)
  misuse("gather must be", function() local _ = luaps.request(topic, 1, { gather = "x" }) end)
  misuse("gather must be", function() local _ = luaps.request(topic, 1, { gather = 0 }) end)
  local sub = subscribe(topic)
  misuse("timeout must be a number", function() local _ = sub:next { timeout = "x" } end)
  misuse("unknown option 'time'", function() local _ = sub:messages { time = 1 } end)
  local handled = subscribe(topic, function(_) end)
  misuse("has a handler", function() local _ = handled:messages() end)
  misuse("has a handler", function() local _ = handled:next() end)
end)

case("each option has its type and its range", function(topic)
  for _, name in ipairs { "last", "seq", "count", "bytes" } do
    for _, bad in ipairs { "x", -1, 1.5, 0 / 0, true } do
      misuse(name .. " must be an integer from 0 up", function() local _ = luaps.subscribe(topic, { [name] = bad }) end)
    end
  end
  for _, bad in ipairs { "x", -1, 0 / 0, math.huge, {} } do
    misuse("since must be a number of seconds", function() local _ = luaps.subscribe(topic, nil, { since = bad }) end)
  end
  misuse("filter must be a string, got number", function() local _ = luaps.subscribe(topic, nil, { filter = 5 }) end)
  misuse("filter must be a string, got function", function() local _ = luaps.subscribe(topic, { filter = print }) end)
  for _, bad in ipairs { 5, {}, "", ("x"):rep(256), true } do
    misuse("group must be a string of 1 to 255 bytes", function() local _ = luaps.subscribe(topic, nil, { group = bad }) end)
  end
  for _, bad in ipairs { 5, {}, "drop", "drop_odlest", 0 / 0 } do
    local words = 'policy must be "drop_oldest", "drop_newest", "refuse" or "disconnect"'
    misuse(words, function() local _ = luaps.subscribe(topic, nil, { policy = bad }) end)
  end
  misuse("window must be an integer from 1 up", function() local _ = luaps.subscribe(topic, nil, { window = "x" }) end)
  misuse("'plicy' %(did you mean 'policy'%?%)", function() local _ = luaps.subscribe(topic, nil, { plicy = "refuse" }) end)
  for _, bad in ipairs { 0, -1, "x", math.huge } do
    misuse("ttl must be a number of seconds, more than 0", function() local _ = luaps.publish(topic, 1, { ttl = bad }) end)
    misuse("ttl must be a number of seconds, more than 0", function() local _ = luaps.will(topic, 1, { ttl = bad }) end)
  end
  for _, bad in ipairs { 1, "yes", {} } do
    misuse("retain must be true or false", function() local _ = luaps.publish(topic, 1, { retain = bad }) end)
    misuse("retain must be true or false", function() local _ = luaps.will(topic, 1, { retain = bad }) end)
    misuse("ack must be true or false", function() local _ = luaps.publish(topic, 1, { ack = bad }) end)
    misuse("background must be true or false", function() local _ = luaps.publish(topic, 1, { ack = true, background = bad }) end)
  end
  misuse("timeout must be", function() local _ = luaps.will(topic, 1, { timeout = -1 }) end)
  misuse("timeout must be", function() local _ = luaps.topics { timeout = "x" } end)
  misuse("'retian' %(did you mean 'retain'%?%)", function() local _ = luaps.will(topic, 1, { retian = true }) end)
  misuse("'gathre' %(did you mean 'gather'%?%)", function() local _ = luaps.request(topic, 1, { gathre = 1 }) end)
  luaps.will(nil)
end)

case("a name of 64 KiB is refused, wherever one is given", function()
  local long = ("x"):rep(65536)
  fails("usage", luaps.publish(long, 1, { ack = true }))
  fails("usage", luaps.will(long, 1))
  fails("usage", luaps.request(long, 1, { timeout = 5 }))
  local heard
  luaps.publish(long, 1, nil, function(_, err) heard = err end)
  check.eventually(function() return heard end)
  same("usage", heard.code)
  fails("usage", luaps.publish(("x."):rep(32768) .. "x", 1, { ack = true }))
end)

case("a request whose timeout is given in vain leaves nothing behind", function(topic, subscribe)
  subscribe(topic, function(msg) msg:reply(1) end)
  for _ = 1, 100 do same(1, luaps.request(topic, 1, { timeout = 60 })) end
end)

case("matches of a pattern and its error text", function(topic)
  local _, err = luaps.publish(topic .. "..x", 1, { ack = true })
  matches("no empty word", err.message)
end)

check.over(...)
