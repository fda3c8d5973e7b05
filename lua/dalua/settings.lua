--- What may be set as dalua.timeout and dalua.debug, kept where all parts see it

local _ENV = require("alua.env").std
local settings = {
  timeout = 30, -- Seconds; nil is allowed
  debug = false,
}

local KNOWN = { timeout = true, debug = true }

--- The metatable that makes these fields of module dalua. Others are set as usual.
settings.shared = {
  __index = function(_, key)
    if KNOWN[key] then return settings[key] end
  end,
  __newindex = function(t, key, value)
    if KNOWN[key] then settings[key] = value else rawset(t, key, value) end
  end,
}

--- One line on standard error while dalua.debug is set.
---@param format string
---@param ... any
function settings.log(format, ...)
  if settings.debug then io.stderr:write("dalua: ", string.format(format, ...), "\n") end
end

return settings
