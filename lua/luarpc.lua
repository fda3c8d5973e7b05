--- luarpc - calls to functions of other processes
--
-- A call names a process (an id, a node or a registered name) and a function there: what that
-- process exports, or, with the right to run code, a dotted path from its globals. Each call has
-- one outcome: the results exactly as the far side returned them, or `nil, err`, where `err` is an
-- error object with fields `code, message, node, where, traceback, definite`; `luarpc.iserror`
-- tells it from a `nil, "text"` that the function itself has returned.
--
-- Options, in a trailing table: `timeout` in seconds (default 30; math.huge: none), `wait` (a
-- name without a holder: wait for one until the deadline), `background` (the call does not keep
-- the program from being over). Unknown options raise, as all misuse does, at the caller's line.

local _ENV = require("alua.env").std
local core = require "alua.core"
local given = require "alua.given"

local luarpc = {}

---@class luarpc.Options
---@field timeout? number seconds until the call fails with code "timeout"; default 30
---@field wait? boolean wait for a registered name that has no holder yet
---@field background? boolean does not keep the program from being over

---@class luarpc.Error
---@field code string "timeout", "gone", "no_function", "remote" ...
---@field message string
---@field node? string the process where it arose, when that is another
---@field where? string FILE:LINE
---@field traceback? string a segment per hop
---@field definite boolean the work was surely not done, or failed there; false: nobody knows
---@field value? any the original error value, when it was no string

---@class luarpc.Future
---@field get fun(self: luarpc.Future, timeout?: number): any ... waits; results, or nil and an error
---@field ready fun(self: luarpc.Future): boolean never waits
---@field cancel fun(self: luarpc.Future): boolean false when it was done already
---@field on fun(self: luarpc.Future, callback: fun(...)) calls back as an event, once it is done

--- Prepare a call that waits for its results. While it waits, other events run.
---
---     local add = luarpc.sync("2@ana", "add")
---     local sum = assert(add(1, 2))
---@type fun(process: string, name: string, options?: luarpc.Options): fun(...: any): any ...
luarpc.sync = core.sync

--- Prepare a call that never waits: the function returns true (or nil, err when nothing could be
--- sent), and `callback(results...)` or `callback(nil, err)` runs later as an event of its own. A failure
--- that the callback could not see (there is none, or it takes fewer than two parameters) is
--- reported on standard error.
---@type fun(process: string, name: string, callback?: fun(...), options?: luarpc.Options): fun(...): boolean?
luarpc.async = core.async

--- Prepare a call that returns a future at once.
---@type fun(process: string, name: string, options?: luarpc.Options): fun(...: any): luarpc.Future
luarpc.future = core.future

--- Whether a value is an error object of ours.
---@type fun(value: any): boolean
luarpc.iserror = core.iserror

local function is_callable(value)
  local meta = getmetatable(value)
  return type(value) == "function" or type(meta) == "table" and meta.__call ~= nil
end

local function check_list(list, what, level)
  if type(list) ~= "table" then
    error(what .. " must be a table, got " .. type(list), level + 1)
  end
end

local function is_future(value)
  return type(value) == "userdata" and (getmetatable(value) or {}).__name == "alua.future"
end

local function check_futures(list, level)
  check_list(list, "the list of futures", level + 1)
  for i = 1, #list do
    if not is_future(list[i]) then
      error(("entry %d is no future, but a %s"):format(i, type(list[i])), level + 1)
    end
  end
end

-- One budget for several waits: the seconds left of it, nil without one.
local function budget(timeout)
  local deadline = timeout and core.now() + timeout
  return function() return deadline and math.max(deadline - core.now(), 0) end
end

local TIMEOUT = { timeout = true }

-- The seconds that all and any may take; nil without an option.
local function check_timeout(options, level)
  local timeout = given.check(options, TIMEOUT, level + 1).timeout
  return timeout ~= math.huge and timeout or nil
end

-- The outcome of a future as one value: packed results, or an error object.
local function outcome(ok, ...)
  if ok then return table.pack(...) end
  return (...)
end

--- Wait until every future of the list is done.
---
--- Options: `timeout` in seconds for all of them together; what is not done by then stands in the
--- result as an error object, and goes on.
---@param list luarpc.Future[]
---@param options? { timeout?: number }
---@return table[]? outcomes in the list's order: packed results (`{ n = count, ... }`) or error objects
---@return luarpc.Error? err when whoever called us has given up ("cancelled")
function luarpc.all(list, options)
  check_futures(list, 2)
  local left = budget(check_timeout(options, 2))
  local outcomes = {}
  for i = 1, #list do
    local _, err = list[i]:get(left())
    if not list[i]:ready() and err.code == "cancelled" then return nil, err end
    outcomes[i] = list[i]:ready() and outcome(list[i]:outcome()) or err
  end
  return outcomes
end

-- Index of a future that has succeeded; else how many have failed.
local function look(list)
  local failed = 0
  for i = 1, #list do
    if list[i]:ready() then
      if (list[i]:outcome()) then return i, failed end
      failed = failed + 1
    end
  end
  return nil, failed
end

--- Wait until one future of the list has succeeded. The others go on: cancel them if need be.
---@param list luarpc.Future[]
---@param options? { timeout?: number }
---@return integer? index of the first that succeeded, then its results; nil and an error when all have failed
---@return any ...
function luarpc.any(list, options)
  check_futures(list, 2)
  local timeout = check_timeout(options, 2)
  if #list == 0 then error("the list of futures is empty", 2) end
  local index, failed = look(list)
  if not index and failed < #list then
    local timer
    local done, err = core.await(function(resume)
      for _, future in ipairs(list) do
        future:on(function(_, _) -- Failures, too
          local found, losers = look(list)
          if found or losers == #list then resume(true) end
        end)
      end
      timer = timeout and core.timer(timeout, function()
        resume(nil, core.error("timeout", "none was done in time"))
      end, true)
    end, "any")
    if timer then core.cancel_timer(timer) end
    if not done then return nil, err end
    index = look(list)
  end
  if index then return index, list[index]:get() end
  return list[#list]:get()
end

-- Call name(item) of one process for one item after the other, until none is left.
local function work(self, process)
  local index = self.next
  if index > self.n or self.failed then return end
  self.next = index + 1
  local callback = function(...)
    local value, err = ...
    self.pending = self.pending - 1
    if value == nil and core.iserror(err) and not self.failed then self.failed = err end
    self.results[index] = value
    work(self, process)
    if self.pending == 0 then self.resume(true) end
  end
  self.pending = self.pending + 1
  core.async(process, self.name, callback, self.options)(self.list[index])
end

--- Call a function for each item of a list, spread over processes: each gets its next item when
--- it has answered the last one. Waits for all.
---
--- Options: those of a call, for each of them, and `inflight`: how many items one process works
--- at (default 1).
---@param processes string[]
---@param name string
---@param list any[] the one argument of each call
---@param options? luarpc.Options|{ inflight?: integer }
---@return table? results `{ n = #list, ... }`: the first result of each call, in the list's order
---@return luarpc.Error? err of the first call that failed (then results is nil): none was made after it
---@return table? results as far as they came
function luarpc.map(processes, name, list, options)
  check_list(processes, "the list of processes", 2)
  check_list(list, "the list of items", 2)
  if type(name) ~= "string" then error("the function's name must be a string, got " .. type(name), 2) end
  if #processes == 0 then error("the list of processes is empty", 2) end
  options = given.check(options, { timeout = true, wait = true, background = true, inflight = true }, 2)
  local inflight = math.tointeger(options.inflight or 1)
  if not inflight or inflight < 1 then error("inflight must be an integer from 1 up", 2) end
  local self = {
    name = name, list = list, n = #list, next = 1, pending = 0, results = { n = #list },
    options = { timeout = options.timeout, wait = options.wait, background = options.background },
  }
  if self.n == 0 then return self.results end
  local done, err = core.await(function(resume)
    self.resume = resume
    for _ = 1, inflight do
      for _, process in ipairs(processes) do work(self, process) end
    end
  end, "map of " .. name)
  if not done then self.failed = err end -- Whoever called us has given up: no further calls
  if self.failed then return nil, self.failed, self.results end
  return self.results
end

--- Let other processes call a function, or those of a table, by a name ("mutex" with a function
--- `request` in it is called as "mutex.request"). What is in the table when a call arrives counts. An
--- export wins over a global of the same name.
---@param name string
---@param value function|table
function luarpc.export(name, value)
  if type(name) ~= "string" or name == "" then error("a name is needed to export something", 2) end
  if type(value) ~= "table" and not is_callable(value) then
    error("only functions and tables of functions can be exported, not a " .. type(value), 2)
  end
  core.exports[name] = value
end

--- Take an export back.
---@param name string
---@return boolean whether there was one
function luarpc.unexport(name)
  local was = core.exports[name] ~= nil
  core.exports[name] = nil
  return was
end

return luarpc
