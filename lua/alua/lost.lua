--- The broker was restarted: what it kept in memory is lost, and its clients begin anew.

local _ENV = require("alua.env").std
local core = require "alua.core"

local lost = {
  epoch = 0, -- How many times: what one broker numbered means nothing to the next
}

local handlers, once = {}, {}

local function restarts() return core.info().restarts or 0 end

local heard = restarts() -- As far as what is asked anew went to that broker

core.on("broker", function()
  heard = restarts()
  lost.epoch = lost.epoch + 1
  local again = once
  once = {}
  for i = 1, #handlers do core.task(handlers[i]) end
  for i = 1, #again do core.task(again[i]) end
end)

--- Call `f()` as an event whenever the broker was restarted, in the order of these calls.
---@param f fun()
function lost.on(f) handlers[#handlers + 1] = f end

--- What was asked when the broker was away fails with "gone" once there is another: then call `f()`, which asks
--- anew.
---@param err any
---@param f fun()
---@return boolean whether that was it
function lost.again(err, f)
  if err.code ~= "gone" then return false end
  once[#once + 1] = f
  return true
end

--- There is another broker already, which knows nothing of us, and we have not asked it anew: then call `f()`
--- behind that.
---@param f fun()
---@return boolean whether that is so
function lost.soon(f)
  if restarts() == heard then return false end
  once[#once + 1] = f
  return true
end

return lost
