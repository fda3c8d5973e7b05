--- Values and templates as Lua text, for the code of reactions

local _ENV = require("alua.env").std
local core = require "alua.core"

local quote

-- A term, or code; nothing else that is a userdata can be written down.
local function quote_term(value)
  local parts = table.pack(core.term_parts(value))
  if parts[1] == "code" then return ("luats.code(%s)"):format(quote(parts[2])) end
  if parts[1] == nil then error("a value that cannot stand in a text: " .. tostring(value), 0) end
  for i = 2, parts.n do parts[i] = quote(parts[i]) end
  return ("term(%s)"):format(table.concat(parts, ", ", 2, parts.n))
end

local function quote_table(value)
  local parts = {}
  for i = 1, #value do parts[i] = quote(value[i]) end
  for k, v in pairs(value) do
    if math.type(k) ~= "integer" or k < 1 or k > #value then
      parts[#parts + 1] = ("[%s] = %s"):format(quote(k), quote(v))
    end
  end
  return ("{ %s }"):format(table.concat(parts, ", "))
end

--- Text that gives the value again in a reaction's code. Raises for what cannot stand in a text (without a place: it is
--- the caller's to say).
---@param value any a scalar, a table of such, or a template with terms in it
---@return string
function quote(value)
  local kind = type(value)
  if core.iserror(value) then error("an error object cannot stand in a text", 0) end
  if kind == "table" then return quote_table(value) end
  if kind == "function" or kind == "thread" then error(("a %s cannot stand in a text"):format(kind), 0) end
  if kind == "userdata" then return quote_term(value) end
  if kind == "string" then return (("%q"):format(value):gsub("\n", "n")) end -- On one line
  return ("%q"):format(value)
end

return quote
