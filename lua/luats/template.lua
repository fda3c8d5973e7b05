--- What stands in a template where no value does: luats.any, luats.range(1, 9), luats.where "t[2] > 3" ...

local _ENV = require("alua.env").std
local core = require "alua.core"

local term = core.term

---@class luats.Term: userdata

local template = {
  any = term "any", -- Any value
  rest = term "rest", -- In the last position: any number of further ones
  boolean = term("type", "boolean"),
  number = term("type", "number"),
  int = term("type", "int"),
  float = term("type", "float"),
  string = term("type", "string"),
  table = term("type", "table"),
}

--- A number from `low` to `high`, both included; nil leaves that end open.
---@param low number?
---@param high number?
---@return luats.Term
function template.range(low, high)
  if low ~= nil and type(low) ~= "number" or high ~= nil and type(high) ~= "number" then
    error("a range goes from a number or nil to a number or nil", 2)
  end
  return term("range", low, high)
end

--- A string that begins so.
---@param text string
---@return luats.Term
function template.prefix(text)
  if type(text) ~= "string" then error("a prefix must be a string, got " .. type(text), 2) end
  return term("prefix", text)
end

--- One of these values (or what one of these templates matches).
---@return luats.Term
function template.oneof(...)
  if select("#", ...) == 0 then error("one of what?", 2) end
  local ok, made = pcall(term, "oneof", ...)
  if ok then return made end
  local which = tostring(made.message):gsub("^term%[(%d+)%]", function(i) return "value " .. i - 1 end)
  error("one of what cannot be sent: " .. which, 2)
end

--- Any value, but the same one wherever the name stands again in the template.
---@param name string
---@return luats.Term
function template.var(name)
  if type(name) ~= "string" then error("a variable's name must be a string, got " .. type(name), 2) end
  return term("var", name)
end

--- The tuple, called `t`, must satisfy an expression in Lua's syntax. It takes no position. The broker
--- evaluates it: it has operators, indexing, `prefix(s, p)`, `suffix(s, p)`, `find(s, plain)`, `type` and
--- a few of math, and nothing else.
---@param expression string
---@return luats.Term
function template.where(expression)
  if type(expression) ~= "string" then error("an expression must be a string, got " .. type(expression), 2) end
  return term("where", expression)
end

return template
