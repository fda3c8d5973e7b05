--- luats - tuple spaces: named bags that programs put tuples into and take them out of by what they look
--- like
--
-- A tuple is a table: positions 1..n without nil, and named fields. A template is a table that may have
-- terms in it (luats.any, luats.int, luats.range ...); luats.take { "job", luats.any } takes the oldest
-- tuple that matches, and waits until there is one. Each tuple is taken by exactly one. The broker keeps
-- the spaces.
--
-- Every operation waits unless it is given a callback as last argument, `cb(results...)` or `cb(nil,
-- err)`. Options, in the table before: `timeout` in seconds (take, read, swap: none by default, 0 tries;
-- others 30), `background` (does not keep the program from being over).

local _ENV = require("alua.env").std
local core = require "alua.core"
local check = require "luats.check"
local lost = require "alua.lost"
local template = require "luats.template"
local waiting = require "alua.waiting"
local Space = require "luats.space"
require "luats.more"
require "luats.watch"
require "luats.react"

local luats = {}
for name, term in pairs(template) do luats[name] = term end

local ask_spaces = core.asker "SPACES"

luats.iserror = core.iserror

--- Lua text as a value: in a tuple it travels as it is, and who takes it can call it.
---@param text string
---@return userdata
function luats.code(text)
  if type(text) ~= "string" then error("code must be a string, got " .. type(text), 2) end
  local ok, why = load(text, "=code", "t")
  if not ok then error(why, 2) end
  return core.code(text)
end

--- A handle of a space, which begins with its first use. Never waits.
---@param name string
---@return luats.Space
function luats.space(name)
  check.name(name, "a space's name", 2)
  return Space.new(name)
end

--- All spaces, as lists of what `stat` gives. Waits unless there is a callback.
---@param cb fun(list: table[]?, err: any)?
---@return table[]? list, any err
function luats.spaces(cb)
  waiting.check(cb)
  return ask_spaces(nil, false, "spaces", cb)
end

--- Call `f()` as an event when the broker was restarted and its spaces are lost. Who waits goes on
--- waiting; leases are void.
---@param f fun()
function luats.lost(f)
  if type(f) ~= "function" then error("a function must be given, got " .. type(f), 2) end
  lost.on(f)
end

-- luats.out(...) and its kin use the space "default".
local default = luats.space "default"
for name, method in pairs(Space) do
  if type(method) == "function" and not name:find "^__" and name ~= "close" and name ~= "new" and luats[name] == nil then
    luats[name] = function(...) return method(default, ...) end
  end
end

return luats
