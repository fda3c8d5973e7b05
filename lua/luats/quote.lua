--- Values and templates as Lua text, for the code of reactions

local _ENV = require("alua.env").std
local core = require "alua.core"

-- Bytes of the head of an extension that begins with this byte.
local HEADS = { [0xc7] = 3, [0xc8] = 4, [0xc9] = 6, [0xd4] = 2, [0xd5] = 2, [0xd6] = 2, [0xd7] = 2, [0xd8] = 2 }

local quote

-- A term is an extension whose bytes are an array: its word and what follows it.
local function quote_term(value)
  local bytes = core.pack(value):sub(2) -- Behind the head of pack's own array
  local words = table.pack(core.unpack(bytes:sub(HEADS[bytes:byte()] + 1)))
  for i = 1, words.n do words[i] = quote(words[i]) end
  return ("term(%s)"):format(table.concat(words, ", "))
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

--- Text that gives the value again in a reaction's code. Raises for what cannot be sent.
---@param value any a scalar, a table of such, or a template with terms in it
---@return string
function quote(value)
  local kind = type(value)
  if kind == "table" then return quote_table(value) end
  if kind == "userdata" then return quote_term(value) end
  if kind == "string" then return (("%q"):format(value):gsub("\n", "n")) end -- On one line
  return ("%q"):format(value)
end

return quote
