-- Topics: the same as bench/topic_node.c, in Lua.
--   topic.lua subscribe SUBSCRIPTIONS [answer]
--   topic.lua publish BYTES SECONDS AHEAD
local core = require "alua.core"
collectgarbage(os.getenv "ALUA_BENCH_GC" or "incremental")

local function subscribe(count, answers)
  local subs, ended = {}, 0
  local began, delivered = nil, 0
  local function finish()
    local missed = 0
    for i = 1, count do missed = missed + subs[i].missed end
    print(("from=%.6f to=%.6f delivered=%d missed=%d"):format(began, core.now(), delivered, missed))
    alua.exit(0)
  end
  local function heard(msg)
    if msg.topic == "bench.end" then
      ended = ended + 1
      if ended == count then finish() end
      return
    end
    began = began or core.now()
    delivered = delivered + 1
  end
  local function heard_first(msg)
    if msg.reply_to then msg:reply(nil) end
    return heard(msg)
  end
  for i = 1, count do subs[i] = luaps.subscribe("bench.>", answers and i == 1 and heard_first or heard) end
  for i = 1, count do
    while not subs[i].number do alua.sleep(0.01) end
  end
  print("subscribed")
  alua.loop()
end

local function publish(bytes, seconds, ahead)
  local text = ("x"):rep(bytes)
  local stop, published, batches = alua.now() + seconds, 0, 0
  local function batch()
    batches = batches + 1
    published = published + 100
    for _ = 1, 99 do luaps.publish("bench.topic", text) end
    core.tell(core.types.PUBLISH, "bench.topic", text, { reply = "answer.bench" })
  end
  local answers = luaps.subscribe("answer.bench", function()
    batches = batches - 1
    if alua.now() < stop then return batch() end
    if batches > 0 then return end
    luaps.publish("bench.end", nil)
    print("published=" .. published)
    alua.exit(0)
  end)
  while not answers.number do alua.sleep(0.01) end
  for _ = 1, ahead // 100 do batch() end
  alua.loop()
end

if arg[1] == "subscribe" then
  subscribe(tonumber(arg[2]), arg[3])
else
  publish(tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4]))
end
