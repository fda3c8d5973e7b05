--- Remote calls that nobody waits for: dalua.send

local _ENV = require("alua.env").std
local core = require "alua.core"
local events = require "dalua.events"
local reply = require "alua.reply"
local settings = require "dalua.settings"
local targets = require "alua.targets"

local send = {}

local NO_TIMEOUT = math.huge

local options = {} -- One table for all: the core reads it at once

local function current_options()
  options.timeout = settings.timeout or NO_TIMEOUT
  return options
end

-- Tells how a send went, by an event.
local function teller(id)
  local emit = events.emitter()
  return function(_, err)
    if err ~= nil then return emit("dalua_send", "error", reply.text(err), id) end
    emit("dalua_send", "success", id)
  end
end

-- The function's results are not for us: they must not be taken for a failure.
local function outcome_only(tell)
  return function(first, err)
    tell(nil, first == nil and core.iserror(err) and err or nil)
  end
end

local function send_one(id, fname, ...)
  if not events.monitored "dalua_send" then -- Failures alone come back, and are reported
    return core.call(id, fname, current_options(), nil, ...)
  end
  local tell = teller(id)
  local taken, err = core.call(id, fname, current_options(), outcome_only(tell), ...)
  if not taken then tell(nil, err) end
  return taken, err
end

local function check_name(fname)
  if type(fname) ~= "string" then
    error("name of a function must be a string, got " .. type(fname), 3)
  end
end

--- Call the function named `fname` (dotted, such as "mutex.request") in some processes, oneself
--- perhaps among them. Does not wait. Event `dalua_send` for each: "success", id, once it was
--- executed; or "error", text, id. When nobody monitors it, failures go to standard error.
---@param procs string|string[] Ids, nodes or registered names; an empty list is ignored.
---@param fname string
---@param ... any
---@return true? sent, any err nil and the first error when some could not be sent.
function send.send(procs, fname, ...)
  check_name(fname)
  if type(procs) == "string" then -- The common case, without a list
    local taken, err = send_one(procs, fname, ...)
    if taken then return true end
    return nil, err
  end
  local problem
  for _, id in ipairs(targets.list(procs, 2)) do
    local taken, err = send_one(id, fname, ...)
    if not taken then problem = problem or err end
  end
  if problem then return nil, problem end
  return true
end

return send
