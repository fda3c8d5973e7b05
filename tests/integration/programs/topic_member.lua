-- A node's topics by remote call, so that a test can order it about.
local list, gaps, subs, causes, puller = {}, {}, {}, {}, nil

function subscribe(pattern, options)
  options = options or {}
  options.gap = function(n, cause)
    gaps[#gaps + 1] = n
    causes[#causes + 1] = "alone: " .. cause
  end
  subs[#subs + 1] = luaps.subscribe(pattern, function(msg)
    if msg.missed > 0 then gaps[#gaps + 1] = msg.missed end
    causes[#causes + 1] = msg.cause
    local text = tostring(msg.value):gsub("x+$", "")       -- What it was made longer by
    list[#list + 1] = ("%s:%s%s"):format(msg.topic, text, msg.will and ":will" or "")
  end, options)
end
function pull(pattern, options)
  puller = luaps.subscribe(pattern, nil, options)
end
function pulled(count)
  local values = {}
  for i = 1, count do
    local msg, err = puller:next { timeout = 5 }
    values[i] = msg and msg.value or err.code
  end
  return values
end
function publish(topic, first, last, size)
  for i = first, last do assert(luaps.publish(topic, size and i .. ("x"):rep(size) or i)) end
end
-- As one of two who are never far from each other: of what both have said, `before` and since, we have heard all but a few.
function publish_with_another(topics, first, last, before)
  for i = first, last do
    assert(luaps.publish(topics[i % #topics + 1], i))
    while #list < before + 2 * (i - first) - 60 do alua.sleep(0) end
  end
end
function flow(topic)                        -- Without end, as an event after the other
  local n = 0
  local function more()
    for _ = 1, 50 do
      n = n + 1
      luaps.publish(topic, n)
    end
    alua.sleep(0)
    return require("alua.core").task(more)
  end
  require("alua.core").task(more)
end
local tally_last, tally_faults = 0, 0
function tally(topic)                       -- Count instead of keeping
  luaps.subscribe(topic, function(msg)
    local n = tonumber((tostring(msg.value):gsub("x+$", "")))
    if n ~= tally_last + 1 or msg.missed > 0 then tally_faults = tally_faults + 1 end
    tally_last = n
  end)
end
function tallied() return tally_last, tally_faults end
function published(topic, value, options)
  options = options or {}
  options.ack = true
  return luaps.publish(topic, value, options)
end
function answer(topic) luaps.subscribe(topic, function(msg) msg:reply(msg.value + 1) end) end
function ask(topic, value) return luaps.request(topic, value, { timeout = 5 }) end
-- Ask in the moment in which there is another broker, and our subscriptions are not yet there.
local answer, slipped
function begin_between(topic)
  local core, lost = require "alua.core", require "alua.lost"
  local before, epoch = core.info().restarts, lost.epoch
  local function look()
    if core.info().restarts == before then return core.task(look) end
    slipped = lost.epoch == epoch
    luaps.request(topic, 1, { timeout = 5 }, function(value, err) answer = value or err end)
  end
  look()
end
function between() if answer then return answer, slipped end end
function will(topic, value) return luaps.will(topic, value) end
function heard() return list end
function count() return #list end
function why() return causes end
function missed()
  local sum = 0
  for _, n in ipairs(gaps) do sum = sum + n end
  return sum, subs[1].missed
end
function storm(count)                       -- Subscribe and close, as fast as it goes
  local own = {}
  for i = 1, count do
    own[i] = luaps.subscribe("storm." .. i % 100, function(_) list[#list + 1] = "storm" end)
    if i % 2 == 0 then own[i]:close() end
  end
  return published("storm.1", 1)
end
function storm_and_calm(count)              -- So many, each closed: half at once, half when it has begun. KiB of Lua's memory
  local open = {}
  for i = 1, count do
    local own = luaps.subscribe("calm." .. i, nil, { filter = "value > " .. i })
    if i % 2 == 0 then own:close() else open[#open + 1] = own end
    if #open == 100 then
      while not open[100].number do alua.sleep(0.001) end
      for j = 1, 100 do open[j]:close() end
      open = {}
    end
  end
  assert(published("calm.0", 1) == 0)         -- Behind all that was asked before
  collectgarbage()
  collectgarbage()
  return collectgarbage "count"
end
function try_subscribe(topic)
  local sub = luaps.subscribe(topic)
  while not sub.closed do alua.sleep(0.001) end
  return sub.err.code, sub.err.message
end
alua.loop()
