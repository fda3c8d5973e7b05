-- flood.lua - a process that can be flooded, and that floods others
--
-- take(i, ...)     counts; i must be one more than the last from this sender
-- state()          how many were taken, the first that was not one more, how many `flood` sent, the first that was not later
-- flood(to, n, s)  n sends to another from within one event; how many were accepted, and the first refusal
-- together(own, other, ...)  the same, once another process has begun, too: each makes a file and computes until the
--                  other's is there, so that none has looked up in between
-- busy(seconds)    compute without looking up
-- patience(s)      sends fail that were not executed after so many seconds. At first they never do, since in these
--                  stories mailboxes stand still for as long as the default, 30 s

local had, last, gap, back = 0, 0, nil, nil
finished = nil
dalua.timeout = nil

function take(i)
  if i ~= last + 1 then gap = gap or ("%d after %d"):format(i, last) end
  if i <= last then back = back or ("%d after %d"):format(i, last) end
  had, last = had + 1, i
end

function state() return had, gap, finished, back end

function patience(seconds) dalua.timeout = seconds end

function flood(to, n, size, from)
  local text = string.rep("x", size or 0)
  local sent, first = 0, nil
  for _ = 1, n do
    local ok, err = dalua.send(to, "take", (from or 0) + sent + 1, text)
    if ok then sent = sent + 1 else first = first or err.code end
  end
  finished = sent
  return sent, first
end

function together(own, other, ...)
  io.open(own, "w"):close()
  local there
  repeat there = io.open(other) until there
  there:close()
  return flood(...)
end

function busy(seconds)
  local limit = alua.now() + seconds
  while alua.now() < limit do end
end

alua.loop()
