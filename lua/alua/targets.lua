--- Destinations: one id or a list of them, each counted once

local _ENV = require("alua.env").std
local targets = {}

--- The list of those meant by `dst`; raises at `level` when it holds anything but strings.
---@param dst string|string[]
---@param level integer
---@return string[]
function targets.list(dst, level)
  if type(dst) == "string" then return { dst } end
  if type(dst) ~= "table" then
    error("destination must be an id or a list of ids, got " .. type(dst), level + 1)
  end
  local list, seen = {}, {}
  for i, id in ipairs(dst) do
    if type(id) ~= "string" then
      error(string.format("destination %d must be an id, got %s", i, type(id)), level + 1)
    end
    if not seen[id] then
      seen[id] = true
      list[#list + 1] = id
    end
  end
  return list
end

return targets
