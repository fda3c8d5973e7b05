-- Tuple spaces: one measurement, filling or waiting a run; bench/broker reads the line of result.
--   space.lua pairs|later IN_FLIGHT SECONDS     put a tuple and take it by its key, with coroutines or callbacks
--   space.lua field IN_FLIGHT SECONDS N         take and put back what is there, by any one of three fields, N resident;
--                                               0: put and take
--   space.lua fill N BYTES                      put N tuples { key, another, i, text } of so many bytes and leave
--   space.lua park N                            wait for N tuples that never come, until it is killed
local kind, window, seconds, resident = arg[1], tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4])
local core = require "alua.core"
local now = alua.now
local any = luats.any

local function cpu_ticks()
  local file <close> = assert(io.open "/proc/self/stat")
  local fields = {}
  for word in file:read("a"):gsub("^.*%) ", ""):gmatch "%S+" do fields[#fields + 1] = word end
  return tonumber(fields[12]) + tonumber(fields[13])
end

local space = luats.space "bench"
local done, stop = 0, false

-- `loop(i)` in so many coroutines; a future of their common end.
local function coroutines(loop)
  local running = window
  local future, resolve = core.new_future()
  local function ended()
    running = running - 1
    if running == 0 then resolve(true) end
  end
  for i = 1, window do core.task(loop, ended, i) end
  return future
end

local function pair_loop(ended, i)
  local key = -i
  while not stop do
    assert(space:out { key, "a value", 1 })
    assert(space:take { key, any, any })
    done = done + 1
  end
  ended()
end

local function later()
  local running = window
  local future, resolve = core.new_future()
  local function begin(key)
    local taken
    local function put(number, err) if not number then error(err) end space:take({ key, any, any }, nil, taken) end
    function taken(tuple, err)
      if not tuple then error(err) end
      done = done + 1
      if not stop then return space:out({ key, "a value", 1 }, nil, put) end
      running = running - 1
      if running == 0 then resolve(true) end
    end
    space:out({ key, "a value", 1 }, nil, put)
  end
  for i = 1, window do begin(-i) end
  return future
end

-- A tuple's fields by its number; all of them are different.
local function fields_of(i) return ("key%07d"):format(i), ("%07dth"):format(i), i end

local function by_one(which, a, b, c)
  return which == 0 and { a, any, any, any } or which == 1 and { any, b, any, any } or { any, any, c, any }
end

-- With none resident each puts its own, under another number each time, and takes it: as much work as with residents.
local function field_loop(ended, i)
  local step, own = i, resident == 0
  local tuple = { "", "", 0, ("x"):rep(73) }
  while not stop do
    step = (step * 1103515245 + 12345) & 0x7fffffff
    local a, b, c = fields_of(own and step * window + i or step % resident + 1)
    if own then
      tuple[1], tuple[2], tuple[3] = a, b, c
      assert(space:out(tuple))
    end
    tuple = assert(space:take(by_one(step % 3, a, b, c)))
    if not own then assert(space:out(tuple)) end
    done = done + 1
  end
  ended()
end

local function measure(start)
  assert(space:out { "warm" })
  assert(space:take { "warm" })
  local future = start()
  alua.sleep(seconds / 5)
  local from, began, ticks = done, now(), cpu_ticks()
  alua.sleep(seconds)
  local count, took, used = done - from, now() - began, cpu_ticks() - ticks
  stop = true
  print(("%s ops=%d seconds=%.3f rate=%.0f cpu_us=%.3f"):format(kind, count, took, count / took, used * 1e4 / count))
  future:get(10)
end

local function fill(count, bytes)
  local text = ("x"):rep(bytes - 27)
  local put = 0
  window = 256
  coroutines(function(ended)
    while put < count do
      put = put + 1
      local a, b, c = fields_of(put)
      assert(space:out { a, b, c, text })
    end
    ended()
  end):get(600)
  print("filled")
end

local kinds = {
  pairs = function() measure(function() return coroutines(pair_loop) end) end,
  later = function() measure(later) end,
  field = function() measure(function() return coroutines(field_loop) end) end,
  fill = function() fill(window, seconds) end,
  park = function()
    for i = 1, window do space:take({ "never", i }, nil, function(_, _) end) end
    while #luats.spaces() == 0 do alua.sleep(0.05) end
    print("parked")
    alua.loop()
  end,
}
kinds[kind]()
alua.exit(0)
