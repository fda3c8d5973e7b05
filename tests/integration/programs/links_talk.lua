-- links_talk.lua - two processes that talk a lot, and check that each word came once and in order
--
-- record(i)        what the other says; i must be one more than the last
-- talk(to, n)      say 1..n to the other: most by send, each tenth by call, whose answers are checked too
-- heard(), told()  how it stands: last number heard and what was wrong; answers had, failures and what was wrong

local last, wrong = 0, nil
local answers, failures, unsent, lied = 0, 0, 0, nil
local finished = false

function record(i)
  if i ~= last + 1 then wrong = wrong or ("%d after %d"):format(i, last) end
  last = i
  return i
end

local function answered(want)
  return function(got, err)
    if got == want then
      answers = answers + 1
    elseif err then
      failures = failures + 1
      lied = lied or tostring(err)
    else
      lied = lied or ("%s for %s"):format(got, want)
    end
  end
end

local function say(to, i)
  if i % 10 == 0 then return luarpc.async(to, "record", answered(i), { timeout = 300 })(i) end
  return dalua.send(to, "record", i)
end

function talk(to, n, pause)
  finished = false
  for i = 1, n do
    local sent, err = say(to, i)
    if not sent then
      unsent = unsent + 1
      lied = lied or tostring(err)
    end
    if i % 500 == 0 then alua.sleep(pause or 0) end
  end
  finished = true
end

function start(to, n, pause)
  dalua.send(alua.id, "talk", to, n, pause)
end

function heard() return last, wrong end

function told() return finished, answers, failures, unsent, lied end

function forget()
  last, wrong, answers, failures, unsent, lied = 0, nil, 0, 0, 0, nil
end

if not ... then alua.loop() end
