-- The node of bench/stalled: publishes at a rate, hears and measures, or hears and stands still.
local core = require "alua.core"

local heard, missed, first, last = 0, 0, nil, 0
local latencies = {}
local sub

--- Subscribe, and wait until the broker has it.
function listen(count, bytes)
  sub = luaps.subscribe("bench.load", function(msg)
    heard, missed = heard + 1, missed + msg.missed
    local now = core.now()
    first, last = first or now, now
    if heard % 64 == 0 then latencies[#latencies + 1] = now - msg.value[1] end
  end, { count = count, bytes = bytes, gap = function(n) missed = missed + n end })
  while not sub.number do alua.sleep(0.01) end
  return true
end

--- Stand still until somebody writes to this FIFO.
function stand(path)
  local file <close> = assert(io.open(path))
  return file:read() == "on"
end

--- Messages, those left out, messages a second, and the 50th and 99th percentile of the latency in ms.
function report()
  table.sort(latencies)
  local function percentile(p) return 1000 * (latencies[math.max(1, math.ceil(#latencies * p))] or 0) end
  local span = last - (first or last)
  return heard, missed, span > 0 and heard / span or 0, percentile(0.5), percentile(0.99)
end

--- Publish so many a second for so long: how many, and in how many seconds. What is behind is caught up with.
function flood(rate, seconds, size)
  local began, sent, pad = core.now(), 0, ("x"):rep(size)
  while true do
    local now = core.now() - began
    if now >= seconds then return sent, now end
    local due = math.min(math.floor(now * rate), sent + 5000)
    while sent < due do
      if not luaps.publish("bench.load", { core.now(), pad }) then alua.sleep(0.001) else sent = sent + 1 end
    end
    alua.sleep(0.001)
  end
end

alua.loop()
