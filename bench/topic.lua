-- Topics: the same as bench/topic_node.c, in Lua.
--   topic.lua subscribe SUBSCRIPTIONS
--   topic.lua publish BYTES SECONDS
local kind = arg[1]
local core = require "alua.core"

local function subscribe(count)
  local subs, ended = {}, 0
  local began, delivered = nil, 0
  local function finish()
    local missed = 0
    for i = 1, count do missed = missed + subs[i].missed end
    print(("from=%.6f to=%.6f delivered=%d missed=%d"):format(began, core.now(), delivered, missed))
    alua.exit(0)
  end
  local function heard(msg)
    began = began or core.now()
    if msg.topic ~= "bench.end" then
      delivered = delivered + 1
      return
    end
    ended = ended + 1
    if ended == count then finish() end
  end
  for i = 1, count do subs[i] = luaps.subscribe("bench.>", heard) end
  for i = 1, count do while not subs[i].number do alua.sleep(0.01) end end
  print("subscribed")
  alua.loop()
end

local function publish(bytes, seconds)
  local text = ("x"):rep(bytes)
  local stop, published, batches = alua.now() + seconds, 0, 0
  local function finish()
    luaps.publish("bench.end", nil)
    print("published=" .. published)
    alua.exit(0)
  end
  local function batch(receivers, err)
    if not receivers then error(err) end
    batches = batches - 1
    if alua.now() >= stop then return batches == 0 and finish() end
    batches = batches + 1
    published = published + 100
    for _ = 1, 99 do luaps.publish("bench.topic", text) end
    luaps.publish("bench.topic", text, { ack = true }, batch)
  end
  batches = 4
  for _ = 1, 4 do batch(0) end
  alua.loop()
end

if kind == "subscribe" then subscribe(tonumber(arg[2])) else publish(tonumber(arg[2]), tonumber(arg[3])) end
