--- Lines as they come: until so many were printed (status 0), or none came for so many seconds (1), or none can come
--- (1; why was reported).
local values = require "alua.cli.values"

local stream = {}

---@param core table
---@param given { count?: integer, patience?: number }
---@param begin fun(put: fun(line: string)): { close: fun(self), ended?: fun(err) }
---@return integer status
function stream.run(core, given, begin)
  local left = given.count or math.huge
  local timer, handle
  local status = core.await(function(resume)
    local function arm()
      if timer then core.cancel_timer(timer) end
      timer = given.patience and core.timer(given.patience, function() resume(1) end, true)
    end
    arm()
    handle = begin(function(line)
      if left == 0 then return end
      values.print(line)
      left = left - 1
      if left == 0 then return resume(0) end
      arm()
    end)
    handle.ended = function() resume(1) end
  end, "messages")
  handle:close()
  return status or 1
end

return stream
