--- Replies in the shape of ALua 6: strings and numbers only, `error` a string

local _ENV = require("alua.env").std
local core = require "alua.core"

local reply = {}

--- What failed, as a text. The destination that a reply is keyed by says where.
---@param err any Error object or text.
---@return string
function reply.text(err)
  return core.iserror(err) and err.message or tostring(err)
end

--- The reply or entry of a failure.
---@param err any Error object or text.
---@return table
function reply.failed(err)
  return { status = "error", error = reply.text(err) }
end

--- The entry of a request that ended with `err`, or well when that is nil.
---@param err any
---@return table
function reply.entry(err)
  if err ~= nil then return reply.failed(err) end
  return { status = "ok" }
end

return reply
