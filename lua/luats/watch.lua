--- Watching a space: each matching arrival, once, in order

local _ENV = require("alua.env").std
local core = require "alua.core"
local check = require "luats.check"
local lost = require "alua.lost"
local waiting = require "alua.waiting"
local Space = require "luats.space"

local ask_watch, ask_unwatch = core.asker "SPACE_WATCH", core.asker "SPACE_UNWATCH"

local watches = {} -- By the broker's number

---@class luats.Watch
---@field told integer Arrivals that it was told of.
---@field missed integer Arrivals that were left out, because we did not read.
---@field ended? fun(err: any) Called when it could not begin, or its space was destroyed.
local Watch = {}
Watch.__index = Watch
Watch.__name = "luats.watch"

-- The last that is heard of it: nil and an error, as every callback has it.
local function space_ended(self)
  watches[self.number] = nil
  self.closed = true
  local err = core.error("closed", ("the space %s was destroyed"):format(self.space))
  if self.ended then self.ended(err) end
  self.failed(nil, err)
end

core.on("tuple", function(number, _, missed, _, tuple)
  local self = watches[number]
  if not self then return end
  self.missed = self.missed + missed
  if tuple == nil then return space_ended(self) end
  self.told = self.told + 1
  self.f(tuple, missed)
end)

local function begin_watch(self)
  if self.closed then return end
  ask_watch(30, true, "watch of " .. self.space, function(number, err)
    if number == nil then
      if self.closed or lost.again(err, function() begin_watch(self) end) then return end
      core.report("luats.watch of " .. self.space, err)
      self.closed = true
      if self.ended then self.ended(err) end
    elseif self.closed then
      ask_unwatch(30, true, "unwatch", function(_, _) end, number)
    else
      self.number = number
      watches[number] = self
    end
  end, self.space, self.pattern)
end

lost.on(function()
  local all_watches = watches
  watches = {}
  for _, self in pairs(all_watches) do begin_watch(self) end
end)

--- Stop watching. Twice is fine.
function Watch:close()
  if self.closed then return end
  self.closed = true
  if self.number then
    watches[self.number] = nil
    ask_unwatch(30, true, "unwatch", function(_, _) end, self.number)
  end
end
Watch.__close = Watch.close

--- Call `f(tuple, missed)` as an event for each matching tuple that is put from now on, once, in order.
--- `missed` is how many were left out before it, because this process did not read. Never waits; does not
--- keep the program from being over. After a restart of the broker it goes on by itself. When the space is
--- destroyed the last call is `f(nil, err)`, code "closed"; an `f` without a second parameter is not called
--- then, and standard error has it.
---@param pattern table
---@param f fun(tuple: table?, missed: integer|any)
---@return luats.Watch
function Space:watch(pattern, f)
  check.open(self, 2)
  check.table(pattern, "a template", 2)
  if type(f) ~= "function" then error("a function must be given, got " .. type(f), 2) end
  local self_watch = setmetatable({
    space = self.name, pattern = pattern, f = f, told = 0, missed = 0,
    failed = waiting.guarded("luats.watch of " .. self.name, f),
  }, Watch)
  begin_watch(self_watch)
  return self_watch
end

return Space
