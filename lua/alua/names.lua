--- Names for the network: alua.register, alua.unregister, alua.whereis

local _ENV = require("alua.env").std
local core = require "alua.core"
local waiting = require "alua.waiting"

local names = {}

local TIMEOUT = 30

local function check_name(name)
  if type(name) ~= "string" then
    error("name must be a string, got " .. type(name), 3)
  end
end

-- Ask the broker; `shape` makes the results of its answer.
local function ask(type_name, what, name, cb, shape)
  return waiting.either(cb and waiting.guarded(what, cb), what, function(done)
    return core.ask(type_name, TIMEOUT, function(answer, err)
      if answer == nil then return done(nil, err) end
      done(shape(answer))
    end, name)
  end)
end

local function yes() return true end

--- Be known under a name in the whole network, until this process ends. Only one can be.
--- Waits unless there is a callback (30 s at most).
---@param name string
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err nil and an error (code "exists") when another has the name.
function names.register(name, cb)
  check_name(name)
  waiting.check(cb)
  return ask("REGISTER", "alua.register of " .. name, name, cb, yes)
end

--- Give a name back. Waits unless there is a callback.
---@param name string
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err
function names.unregister(name, cb)
  check_name(name)
  waiting.check(cb)
  return ask("UNREGISTER", "alua.unregister of " .. name, name, cb, yes)
end

--- Who is meant by a name, a node or an id? Waits unless there is a callback.
---@param name string
---@param cb fun(id: string?, err: any)?
---@return string? id, any err nil and an error (code "unknown") when nobody is.
function names.whereis(name, cb)
  check_name(name)
  waiting.check(cb)
  return ask("LOOKUP", "alua.whereis of " .. name, name, cb, function(found) return found.id end)
end

return names
