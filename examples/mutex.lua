-- mutex.lua - mutual exclusion after Ricart and Agrawala, in the style of DALua
--
--     ./run -n 5 examples/mutex.lua [ENTRIES [SECONDS]]
--
-- Each process enters the critical section ENTRIES times (3) and stays for SECONDS (0.05).
-- Who wants to enter asks all; who is inside, or asked earlier, answers later.
-- Another program can load this file with 0 entries to use mutex.enterCS: see mixed.lua.

local entries, stay = tonumber((...)) or 3, tonumber((select(2, ...))) or 0.05

mutex = {}              -- Global: its functions are what the other processes call

local clock = 0         -- Lamport's
local inside = false
local mine              -- Our request while we wait or are inside
local pending           -- How many have not said yes to it
local section           -- What to do inside
local deferred = {}     -- Who gets our yes when we leave
local queue = {}        -- Further sections of this process

local function older(a, b)
  if a.timestamp ~= b.timestamp then return a.timestamp < b.timestamp end
  return a.proc < b.proc
end

local function ask()
  clock = clock + 1
  local procs = dalua.processes("myapp")
  mine = { timestamp = clock, proc = ad.self() }
  section = table.remove(queue, 1)
  pending = #procs
  dalua.send(procs, "mutex.request", mine)
end

local function leave()
  inside, mine = false, nil
  for _, proc in ipairs(deferred) do
    dalua.send(proc, "mutex.oktogo", ad.self())
  end
  deferred = {}
  if #queue > 0 then ask() end
end

-- Run f when nobody else is inside. Does not wait; f may.
function mutex.enterCS(f)
  queue[#queue + 1] = f
  if not mine then ask() end
end

function mutex.request(req)
  clock = math.max(clock, req.timestamp) + 1
  if inside or mine and older(mine, req) then
    deferred[#deferred + 1] = req.proc
  else
    dalua.send(req.proc, "mutex.oktogo", ad.self())
  end
end

function mutex.oktogo()
  pending = pending - 1
  if pending > 0 then return end
  inside = true
  local ok, err = pcall(section)
  leave() -- Whatever went wrong inside, the others must not wait for ever
  if not ok then error(err, 0) end
end

local function say(what, i)
  print(string.format("%.6f %s %s %d", alua.now(), ad.self(), what, i))
end

for i = 1, entries do
  mutex.enterCS(function()
    say("enter", i)
    alua.sleep(stay)
    say("leave", i)
  end)
end
