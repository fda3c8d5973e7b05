-- stages.lua STAGE [LOG] - n1 calls n2, which dies; each call has one outcome. n3 is behind n2
--
-- Stages: run (n2's handler computes), wait (n2 waits for n3), far (as wait, but n3 dies), stream (thousands of calls, each
-- execution noted in LOG), held (n1 says "calling" after it has called, for an n2 that is stopped), after.
local stage, log = ...

local function say(...)
  print(...)
  io.stdout:flush()
end

-- ---- n2 and n3

function ping()
  return true
end

function compute()
  say("in handler")
  repeat until false
end

function nap(seconds)
  say("in handler of " .. alua.node)
  alua.sleep(seconds)
  say("handler goes on")
  return "napped"
end

function nested()
  local value, err = luarpc.sync("n3", "nap", { wait = true })(30)
  say("nested call ended", value or err.code)
  if not value then error(err) end
  return value
end

local file = log and alua.node == "n2" and io.open(log, "a")
if file then file:setvbuf "no" end

function note(i)
  file:write(i .. "\n")
  if i % 2 == 0 then alua.sleep(0.02) end -- Some wait when it dies, others have just been answered
  return i
end

-- ---- n1

local outcomes = {} -- Of each call by number: how often it ended, and how

local function ended(i, value, err)
  local how = value ~= nil and "ok" or err.code .. (err.definite and "!" or "?")
  outcomes[i] = outcomes[i] and outcomes[i] .. "," .. how or how
end

local function tell()
  for i, how in ipairs(outcomes) do say("outcome", i, how) end
  say("told")
end

-- Any of the three ways to call, all at once.
local function call_three(fname)
  luarpc.async("n2", fname, function(value, err) ended(1, value, err) end)()
  alua.task.schedule(function() ended(2, luarpc.sync("n2", fname)()) end)
  local future = luarpc.future("n2", fname)()
  alua.task.schedule(function() ended(3, future:get()) end)
end

-- Always 64 under way.
local function stream(n)
  local made = 0
  local function one()
    if made == n then return end
    made = made + 1
    local i = made
    luarpc.async("n2", "note", function(value, err)
      ended(i, value, err)
      if i % 100 == 0 then say("progress", i) end
      one()
    end)(i)
  end
  for _ = 1, 64 do one() end
  while #outcomes < n do alua.sleep(0.01) end
end

local begin = {
  run = function() call_three "compute" end,
  wait = function() call_three "nested" end,
  far = function() call_three "nested" end,
  held = function()
    say("prepared")
    alua.sleep(0.3) -- n2 is stopped meanwhile
    call_three "ping"
    say("calling")
  end,
  after = function()
    call_three "ping"
    while #outcomes < 3 do alua.sleep(0.01) end
    say("answered")
    alua.sleep(1)
  end,
  stream = function() stream(5000) end,
}

say("pid", alua.node, io.open("/proc/self/stat"):read("n"))
if alua.node == "n1" then
  assert(luarpc.sync("n2", "ping", { wait = true })())
  begin[stage]()
  while #outcomes < 3 do alua.sleep(0.01) end
  alua.sleep(0.3) -- For a second outcome
  tell()
end
alua.loop()
