-- The near side: one measurement a run, one line of result.
--   client.lua SERVER KIND IN_FLIGHT SECONDS
-- KIND: sync (coroutines that call and wait), async (callbacks), send (a cached chunk), fresh (a new chunk each time)
local server, kind, window, seconds = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local core = require "alua.core"
local now = alua.now

local function cpu_ticks()
  local file <close> = assert(io.open "/proc/self/stat")
  local fields = {}
  for word in file:read("a"):gsub("^.*%) ", ""):gmatch "%S+" do fields[#fields + 1] = word end
  return tonumber(fields[12]) + tonumber(fields[13])
end

local done, stop = 0, false

local function syncer(finished)
  local add = luarpc.sync(server, "add")
  while not stop do
    local sum, err = add(done, 1)
    if not sum then error(err) end
    done = done + 1
  end
  finished()
end

local function measure_sync()
  local running = window
  local future, resolve = core.new_future()
  local function all_done()
    running = running - 1
    if running == 0 then resolve(true) end
  end
  for _ = 1, window do core.task(syncer, all_done) end
  return future
end

local function measure_async()
  local future, resolve = core.new_future()
  local in_flight = 0
  local call
  local function answered(_, err)
    if err then error(err) end
    done = done + 1
    in_flight = in_flight - 1
    if not stop then
      in_flight = in_flight + 1
      call(done, 1)
    elseif in_flight == 0 then
      resolve(true)
    end
  end
  call = luarpc.async(server, "add", answered)
  for _ = 1, window do
    in_flight = in_flight + 1
    call(1, 1)
  end
  return future
end

--- A 40-byte chunk, the same or another each time; every 1000th asks for an answer, so that what is
--- counted has been executed.
local function measure_send(fresh)
  local future, resolve = core.new_future()
  local text = "local a, b = 1, 2; count() -- ........."
  local function batch()
    if stop then return resolve(true) end
    for _ = 1, 999 do
      done = done + 1
      alua.send(server, fresh and ("local a = %010d; count() -- ........."):format(done) or text)
    end
    done = done + 1
    alua.send(server, text, batch)
  end
  for _ = 1, 4 do batch() end
  return future
end

local kinds = {
  sync = measure_sync,
  async = measure_async,
  send = function() return measure_send(false) end,
  fresh = function() return measure_send(true) end,
}

luarpc.sync(server, "add")(1, 1) -- the link is open before the clock starts
local future = kinds[kind]()
alua.sleep(seconds / 5)
local from, began, ticks = done, now(), cpu_ticks()
alua.sleep(seconds)
local count, took, used = done - from, now() - began, cpu_ticks() - ticks
stop = true
print(("%s in_flight=%d ops=%d seconds=%.3f rate=%.0f us=%.3f client_cpu_us=%.3f"):format(
  kind, window, count, took, count / took, took * 1e6 / count, used * 1e4 / count))
future:get(10)
alua.exit(0)
