--- Timers that call a function again and again: alua.timer

local _ENV = require("alua.env").std
local core = require "alua.core"

local timer = {}

---@class alua.Timer
---@field period number Seconds.
local Timer = {}
Timer.__index = Timer
Timer.__name = "alua.timer"

local LONGEST = 1e9 -- Seconds

local running = {} -- Set of timers

local count = 0

-- From the time that was due, not from now, so that late turns do not add up; turns that
-- were missed altogether are left out.
local function next_due(self)
  local now = core.now()
  self.due = self.due + self.period
  if self.due < now and self.period > 0 then
    self.due = self.due + math.ceil((now - self.due) / self.period) * self.period
  end
  return math.max(self.due - now, 0)
end

local function arm(self)
  self.armed = core.timer(next_due(self), function()
    if not running[self] then return end
    arm(self) -- First, so that an error in the function costs one turn only
    self.f(self)
  end, self.background)
end

--- Stop; twice is fine.
function Timer:cancel()
  if not running[self] then return end
  running[self] = nil
  core.cancel_timer(self.armed)
end
Timer.close = Timer.cancel
Timer.__close = Timer.cancel

function Timer:__tostring()
  return string.format("timer %d (every %g s)", self.number, self.period)
end

function Timer.__concat(a, b)
  return tostring(a) .. tostring(b)
end

local function check_options(options)
  for key in pairs(options or {}) do
    if key ~= "background" then error("unknown option " .. tostring(key), 3) end
  end
end

--- Call `f(timer)` every `period` seconds, each time as an event, until cancelled. Does not
--- wait. Holds the program unless `background`.
---@param period number Seconds, fractions allowed.
---@param f fun(timer: alua.Timer)
---@param options { background: boolean? }?
---@return alua.Timer
function timer.create(period, f, options)
  if type(period) ~= "number" or not (period >= 0 and period <= LONGEST) then
    error("period must be a number of seconds from 0 up", 2)
  end
  if type(f) ~= "function" then error("a function must be given, got " .. type(f), 2) end
  check_options(options)
  count = count + 1
  local self = setmetatable({ period = period, f = f, number = count, due = core.now(),
    background = options and options.background or false }, Timer)
  running[self] = true
  arm(self)
  return self
end

--- Stop a timer; one that is stopped already does no harm.
---@param t alua.Timer
function timer.cancel(t)
  if getmetatable(t) ~= Timer then error("not a timer: " .. tostring(t), 2) end
  t:cancel()
end

--- Stop all timers of this process.
function timer.flush()
  for t in pairs(running) do t:cancel() end
end

return timer
