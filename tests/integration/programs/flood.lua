-- flood.lua - a process that can be flooded, and that floods others
--
-- take(i, ...)     counts; i must be one more than the last from this sender
-- flood(to, n, s)  n sends to another from within one event; how many were taken, and the first refusal
-- busy(seconds)    compute without looking up

dalua.timeout = nil -- What waits in a mailbox for half a minute is not too late
local had, handled, wrong = 0, 0, nil

function take(i)
  handled = handled + 1
  if i ~= had + 1 then wrong = wrong or ("%d after %d"):format(i, had) end
  had = i
end

function state() return had, wrong, handled end

function flood(to, n, size, from)
  local text = string.rep("x", size or 0)
  local sent, first = 0, nil
  for _ = 1, n do
    local ok, err = dalua.send(to, "take", (from or 0) + sent + 1, text)
    if ok then sent = sent + 1 else first = first or err.code end
  end
  return sent, first
end

function busy(seconds)
  local limit = alua.now() + seconds
  while alua.now() < limit do end
end

alua.loop()
