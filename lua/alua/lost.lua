--- The broker was restarted: what it kept in memory is lost, and its clients begin anew.

local _ENV = require("alua.env").std
local core = require "alua.core"

local lost = {}

local handlers = {}

core.on("broker", function()
  for i = 1, #handlers do core.task(handlers[i]) end
end)

--- Call `f()` as an event whenever the broker was restarted, in the order of these calls.
---@param f fun()
function lost.on(f) handlers[#handlers + 1] = f end

return lost
