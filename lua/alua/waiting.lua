--- Waiting, or not: one door for functions that do either
--
-- Such a function does its work in `start(done)`, which calls `done` later, as an
-- event. With a callback, `done` is that callback; without one, the caller waits. A `start` that cannot begin returns
-- nil and an error, which is what it brings.

local _ENV = require("alua.env").std
local core = require "alua.core"
local getinfo = debug.getinfo -- Programs like to have a global `debug` of their own

local waiting = {}

local LONGEST = 1e9 -- Seconds that a timer can be set to

--- Raise at the caller's caller unless `cb` is a function or nil.
---@param cb any
function waiting.check(cb)
  if cb ~= nil and type(cb) ~= "function" then
    error("callback must be a function, got " .. type(cb), 3)
  end
end

--- Call `start`, and give what it brings to `cb`, or wait for it and return it.
---@param cb function?
---@param what string For the list of who waits for what.
---@param start fun(done: function): any, any
function waiting.either(cb, what, start)
  if cb then
    local ok, err = start(cb)
    if ok == nil and err ~= nil then core.task(cb, nil, err) end
    return
  end
  local results = table.pack(core.await(start, what)) -- No tail call: errors name our caller
  return table.unpack(results, 1, results.n)
end

-- Does `cb` look at a second argument? If not, it would take a failure for a nil.
local function takes_failures(cb)
  local info = getinfo(cb, "u")
  return info.isvararg or info.nparams >= 2
end

--- A `done` that passes results on, and reports a failure that `cb` cannot take.
---@param what string What failed, for the report.
---@param cb function
---@return fun(first: any, err: any)
function waiting.guarded(what, cb)
  return function(first, err)
    if first == nil and core.iserror(err) and not takes_failures(cb) then
      return core.report(what, err)
    end
    return cb(first, err)
  end
end

--- A callback for C, which gives what `made` makes of what came; nil stays nil.
---@param what string
---@param cb function?
---@param made fun(...): any, any
function waiting.through(what, cb, made)
  if not cb then return nil end
  local told = waiting.guarded(what, cb)
  return function(first, ...)
    if first == nil then return told(nil, (...)) end
    return told(made(first, ...))
  end
end

--- Wait for some seconds; other events run meanwhile.
---@param seconds number
---@return nil none, any err Nothing; when whoever waits for us has cancelled: nil and an error, at once.
function waiting.sleep(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 then
    error("seconds must be a number from 0 up", 2)
  end
  local armed
  local _, err = core.await(function(resume)
    -- In the background: what waits holds, if need be
    armed = core.timer(math.min(seconds, LONGEST), function() resume() end, true)
  end, string.format("alua.sleep(%g)", seconds))
  if not err then return end
  core.cancel_timer(armed)
  return nil, err
end

return waiting
