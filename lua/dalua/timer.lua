--- Periodic remote calls: dalua.timer

local _ENV = require("alua.env").std
local core = require "alua.core"
local alua_timer = require "alua.timer"
local send = require "dalua.send"
local settings = require "dalua.settings"

local timer = { debug = false }

local function check(id, period, count, fname)
  if type(id) ~= "string" and type(id) ~= "table" then
    error("process must be an id or a list of ids, got " .. type(id), 3)
  end
  if type(period) ~= "number" then error("period must be a number of seconds", 3) end
  if not math.tointeger(count) or count < 0 then
    error("count must be an integer from 0 up", 3)
  end
  if type(fname) ~= "string" then error("name of a function must be a string", 3) end
end

--- Call `fname(...)` in some process every `period` seconds. The arguments are taken as they
--- are now. Does not wait; each call is a dalua.send.
---@param id string|string[] Whom, oneself perhaps.
---@param period number Seconds; the first call comes after one period.
---@param count integer How often; 0: for ever.
---@param fname string
---@param ... any
---@return alua.Timer
function timer.add(id, period, count, fname, ...)
  check(id, period, count, fname)
  local packed, problem = core.pack(...)
  if not packed then error(tostring(problem), 2) end
  local left = count
  local function fire(t)
    left = left - 1
    if left == 0 then t:cancel() end
    if timer.debug then settings.log("timer: %s at %s", fname, id) end
    send.send(id, fname, core.unpack(packed))
  end
  return alua_timer.create(period, fire)
end

--- Stop a timer; one that is stopped already does no harm.
---@type fun(t: alua.Timer)
timer.remove = alua_timer.cancel

return timer
