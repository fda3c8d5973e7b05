--- Events: monitor them, ignore them, raise them here and elsewhere
--
-- A handler gets the event's name and what was raised with it; each runs as an event of its
-- own, so that neither its errors nor its waiting touch the others. Names that start with
-- "dalua_" are the library's.

local _ENV = require("alua.env").std
local core = require "alua.core"
local targets = require "alua.targets"

local events = { debug = false }

-- name -> list of { f =, left = calls left or nil, live = }
local handlers = {}

-- The renaming in force, for each coroutine: a handler that waits must not lend its own
-- to those that run meanwhile.
local renamings = setmetatable({}, { __mode = "k" })

local function drop(list, entry)
  entry.live = false
  for i, other in ipairs(list) do
    if other == entry then return table.remove(list, i) end
  end
end

local function run(entry, ...)
  if entry.live or entry.last then entry.f(...) end
end

local function hand_over(list, entry, ...)
  if entry.left then
    entry.left = entry.left - 1
    entry.last = entry.left == 0
    if entry.last then drop(list, entry) end
  end
  core.task(run, entry, ...)
end

-- Give an event that has arrived to its handlers.
local function deliver(name, ...)
  local list = handlers[name]
  if not list or #list == 0 then return false end
  if events.debug then io.stderr:write("dalua.events: ", name, "\n") end
  for _, entry in ipairs(table.move(list, 1, #list, 1, {})) do
    hand_over(list, entry, name, ...)
  end
  return true
end

-- What others may call to raise events here.
core.exports.__dalua = core.exports.__dalua or {}
core.exports.__dalua.deliver = function(name, ...) deliver(name, ...) end

local function text_of(...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = tostring(parts[i]) end
  return table.concat(parts, ", ")
end

-- The library's own events; an error that nobody monitors is told on standard error.
local function deliver_own(name, status, ...)
  if not deliver(name, status, ...) and status == "error" then
    core.report(name, text_of(...))
  end
end

local function renamed(name)
  local map = renamings[coroutine.running()]
  return map and map[name] or name
end

--- A function that raises the library's events in this process, under the names that are in
--- force now (see customize). Internal.
---@return fun(name: string, status: string, ...)
function events.emitter()
  local map = renamings[coroutine.running()]
  return function(name, ...)
    core.task(deliver_own, map and map[name] or name, ...)
  end
end

--- Whether somebody here handles an event. Internal.
---@param name string
function events.monitored(name)
  local list = handlers[renamed(name)]
  return list ~= nil and #list > 0
end

local function check(name, f)
  if type(name) ~= "string" then
    error("event must be a string, got " .. type(name), 3)
  end
  if f ~= nil and type(f) ~= "function" then
    error("handler must be a function, got " .. type(f), 3)
  end
end

--- Have `handler(event, ...)` called whenever the event is raised, at most `count` times. One
--- that handles the event already is not added again.
---@param name string
---@param handler fun(event: string, ...)
---@param count integer?
function events.monitor(name, handler, count)
  check(name, handler)
  if count ~= nil and not math.tointeger(count) then
    error("count must be an integer, got " .. type(count), 2)
  end
  if handler == nil or (count and count <= 0) then return end
  local list = handlers[name] or {}
  handlers[name] = list
  for _, entry in ipairs(list) do
    if entry.f == handler then return end
  end
  list[#list + 1] = { f = handler, left = count, live = true }
end

--- Call a handler no more; without one, none of the event's.
---@param name string
---@param handler function?
function events.ignore(name, handler)
  check(name, handler)
  local list = handlers[name] or {}
  for i = #list, 1, -1 do
    if handler == nil or list[i].f == handler then drop(list, list[i]) end
  end
end

--- Raise an event in some processes, oneself perhaps among them. Does not wait.
---@param name string
---@param procs string|string[]|nil Ids; nil: this process.
---@param ... any
function events.raise(name, procs, ...)
  check(name)
  name = renamed(name)
  local own = core.info().id
  if procs == nil then return core.task(deliver, name, ...) end
  for _, id in ipairs(targets.list(procs, 2)) do
    if id == own then
      core.task(deliver, name, ...)
    else
      core.call(id, "__dalua.deliver", nil, nil, name, ...)
    end
  end
end

--- A copy of `f` that raises events under other names: `customize(event, new, f)` or
--- `customize({ [event] = new, ... }, f)`. Calls of one kind can so be told apart.
---@param event string|table<string, string>?
---@param new string|function
---@param f function?
---@return function
function events.customize(event, new, f)
  local map = event
  if f then map = { [event] = new } else f = new end
  if type(f) ~= "function" then
    error("a function must be given, got " .. type(f), 2)
  end
  return function(...)
    local thread = coroutine.running()
    local before = renamings[thread]
    renamings[thread] = map
    local _ <close> = setmetatable({}, { __close = function() renamings[thread] = before end })
    return f(...)
  end
end

--- The renaming in force, or nil.
---@return table<string, string>?
function events.getcustomevents()
  return renamings[coroutine.running()]
end

return events
