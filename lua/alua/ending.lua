--- Ending: oneself, and others

local _ENV = require("alua.env").std
local core = require "alua.core"
local reply = require "alua.reply"
local targets = require "alua.targets"
local waiting = require "alua.waiting"

local ending = {}

-- As a chunk, because ending others takes the right to run code.
local LEAVE = 'require("alua.ending").leave(...)'

-- The event that asked is answered first: the end comes as an event of its own.
function ending.leave(code)
  core.task(core.exit, code)
end

local function status_of(code)
  if code == nil or code == true then return 0 end
  if code == false then return 1 end
  local status = math.tointeger(code) or error("the exit code must be an integer", 3)
  return (status < 0 or status > 255) and 255 or status -- The system would keep the lower eight bits: 256 would be success
end

local function others(list, code, cb)
  local replies, open = {}, #list
  local function note(id, err)
    replies[id] = reply.entry(err)
    open = open - 1
    if open == 0 then cb(replies) end
  end
  for _, id in ipairs(list) do
    local done = cb and function(_, err) note(id, err) end
    local taken, err = core.chunk(id, LEAVE, "=alua.exit", cb and 1 or 0, nil, done, code)
    if not taken and cb then core.task(note, id, err) end
  end
end

--- End this process: what was sent is flushed first, its children end after it. Never returns.
---@overload fun(code: integer?)
--- End other processes; they answer before they end. Does not wait.
---@param dst string|string[] Whom; left out (or a number): this process.
---@param code integer? Their exit status; default 0.
---@param cb fun(reply: table<string, table>)? Reply keyed by destination, as alua.send's.
---@return nil, any err Only when there was nobody to ask.
function ending.exit(dst, code, cb)
  if dst == nil then core.exit(status_of(code)) end
  if type(dst) == "number" or type(dst) == "boolean" then core.exit(status_of(dst)) end
  waiting.check(cb)
  code = status_of(code)
  local list = targets.list(dst, 2)
  local problem = not core.info().open and "not connected"
    or #list == 0 and "invalid destination"
  if not problem then return others(list, code, cb) end
  if cb then core.task(cb, reply.failed(problem)) end
  return nil, core.error(core.info().open and "usage" or "offline", problem)
end

return ending
