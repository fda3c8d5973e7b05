--- Watching a space: each matching arrival, once, in order

local _ENV = require("alua.env").std
local core = require "alua.core"
local check = require "luats.check"
local given = require "alua.given"
local lost = require "alua.lost"
local waiting = require "alua.waiting"
local Space = require "luats.space"

local ask_watch, ask_unwatch = core.asker "SPACE_WATCH", core.asker "SPACE_UNWATCH"

local WATCH = { after = given.integer(0) }

local watches = {} -- By the broker's number

---@class luats.Watch
---@field last integer? Number of the last tuple that it was told of, or that was put before it began.
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

core.on("tuple", function(number, _, missed, tuple_number, tuple)
  local self = watches[number]
  if not self then return end
  self.missed = self.missed + missed
  if tuple == nil then return space_ended(self) end
  self.told, self.last = self.told + 1, tuple_number
  self.f(tuple, missed, tuple_number)
end)

-- after: the number behind which those that are there are told of, too; nil: only what is put from now on.
local function begin_watch(self, after)
  if self.closed then return end
  local broker = core.info().incarnation
  ask_watch(30, true, "watch of " .. self.space, function(number, last)
    if number == nil then
      local err = last
      if self.closed or lost.again(err, function() begin_watch(self, after) end) then return end
      core.report("luats.watch of " .. self.space, err)
      self.closed = true
      if self.ended then self.ended(err) end
    elseif self.closed then
      ask_unwatch(30, true, "unwatch", function(_, _) end, number)
    else
      self.number, self.broker, self.last = number, broker, after or last
      watches[number] = self
    end
  end, self.space, self.pattern, after and { after = after })
end

-- With the broker that it had (which has given us up) it goes on behind the last that it was told of; what another one
-- has is all new.
lost.on(function()
  local all_watches, broker = watches, core.info().incarnation
  watches = {}
  for _, self in pairs(all_watches) do
    begin_watch(self, self.broker == broker and self.last or 0)
  end
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

--- Call `f(tuple, missed, number)` as an event for each matching tuple that is put from now on, once, in order.
--- `missed` is how many were left out before it, because this process did not read. Never waits; does not
--- keep the program from being over. With `after`, a tuple's number, those that were put behind that one and are still
--- there come first (0: all that are there): so a program goes on where it was. After a restart of the broker, or when
--- that has given us up, it goes on by itself. When the space is destroyed the last call is `f(nil, err)`, code "closed";
--- an `f` without a second parameter is not called then, and standard error has it.
---@param pattern table
---@param f fun(tuple: table?, missed: integer|any, number: integer?)
---@param options? { after?: integer }
---@return luats.Watch
function Space:watch(pattern, f, options)
  check.open(self, 2)
  check.table(pattern, "a template", 2)
  if type(f) ~= "function" then error("a function must be given, got " .. type(f), 2) end
  local wanted = given.check(options, WATCH, 2)
  local self_watch = setmetatable({
    space = self.name, pattern = pattern, f = f, told = 0, missed = 0,
    failed = waiting.guarded("luats.watch of " .. self.name, f),
  }, Watch)
  begin_watch(self_watch, wanted.after and math.tointeger(wanted.after))
  return self_watch
end

return Space
