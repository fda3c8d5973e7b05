--- Subscribing: messages that come, handlers, and the pulling view

local _ENV = require("alua.env").std
local core = require "alua.core"
local publish = require "luaps.publish"
local given = require "alua.given"
local lost = require "alua.lost"

local subscribe = {}

local ask_subscribe, ask_unsubscribe = core.asker "SUBSCRIBE", core.asker "UNSUBSCRIBE"
local PUBLISH = core.types.PUBLISH

local WINDOW = 4096
local LONGEST = 1e9 -- Seconds that a timer can be set to

local function nothing(_, _) end

local subscriptions = {} -- Those that have begun

---@class luaps.Message
---@field topic string
---@field value any
---@field publisher string the id of who published it
---@field seq integer its number in its topic
---@field time number seconds since 1970, by the broker's clock
---@field missed integer how many messages of this subscription were left out before it
---@field cause string? why: "full" (a queue), "history" (no longer kept), both, or "lost" (the broker was restarted or
---   has given us up: nobody knows how many more)
---@field retained boolean? it is the topic's kept value
---@field replayed boolean? it comes from the history
---@field will boolean? its publisher has died
local Message = core.message
Message.__index = Message
Message.__name = "luaps.message"

--- Answer a request. Does not wait.
---@param value any
---@return true? ok, any err
function Message:reply(value)
  if not self.reply_to then return nil, core.error("usage", "nobody waits for a reply to this message") end
  return core.tell(PUBLISH, self.reply_to, value)
end

---@class luaps.Subscription
---@field pattern string
---@field missed integer how many messages were left out so far
---@field err any why it could not begin
---@field ended? fun(err: any) called when it could not begin
local Subscription = {}
Subscription.__index = Subscription
Subscription.__name = "luaps.subscription"

local function wake(self)
  local waiter = table.remove(self.waiters, 1)
  if waiter then waiter() end
end

-- What becomes of a message where nobody handles it at once.
local function keep(self)
  return function(msg)
    self.last = self.last + 1
    self.queue[self.last], self.counts[self.last] = msg, self.count
    wake(self)
  end
end

local function on_missed(self)
  return function(n, alone, cause)
    self.missed = self.missed + n
    if alone and self.on_gap then self.on_gap(n, cause) end
  end
end

local FROM_0 = given.integer(0)
local SUBSCRIBING = {
  group = given.name, filter = given.text, last = FROM_0, since = given.seconds, seq = FROM_0, window = given.integer(1),
  count = FROM_0, bytes = FROM_0, gap = given.callable,
  policy = given.word("drop_oldest", "drop_newest", "refuse", "disconnect"),
}

local function end_with(self, err)
  self.err = err
  self.closed = true
  if err and self.ended then self.ended(err) end
  while #self.waiters > 0 do wake(self) end
end

-- again: the broker had it, and has lost it.
local function begin(self, again)
  if self.closed then return end
  ask_subscribe(30, true, "subscribe to " .. self.shown, function(number, err)
    if number == nil then
      if self.closed or lost.again(err, function() begin(self, again) end) then return end
      core.report("luaps.subscribe to " .. self.shown, err)
      return end_with(self, err)
    end
    if self.closed then return ask_unsubscribe(30, true, "unsubscribe", nothing, number) end
    self.number = number
    local handler = self.handler or keep(self)
    self.count = core.subscription(number, self.quarter, not self.handler, again, handler, on_missed(self))
    subscriptions[self] = true
  end, self.pattern, self.options)
end

-- A restarted broker knows nothing of us, nor of what was published before.
lost.on(function()
  local all = subscriptions
  subscriptions = {}
  for self in pairs(all) do
    self.count:close()
    self.number = nil
    begin(self, true)
    if self.on_gap then core.task(self.on_gap, nil, "lost") end
  end
end)

local YEARS = 1e8 -- Seconds: what is less is meant from now

-- So many seconds ago, or since a time as messages have it: ms since 1970.
local function since(seconds, level)
  local ms = given.ms(seconds, "since", level + 1)
  if not ms or seconds >= YEARS then return ms end
  return math.floor(core.wall() * 1000) - ms
end

local function check_handler(handler, options)
  if type(handler) == "table" and options == nil and getmetatable(handler) == nil then return nil, handler end
  if handler ~= nil and type(handler) ~= "function" then
    error("a handler must be a function, got " .. type(handler), 3)
  end
  return handler, options
end

--- Get the messages of all topics that match: `handler(msg)` is called as an event for each; without a
--- handler they wait for `sub:messages()`. Never waits; does not keep the program from being over. After
--- a restart of the broker it goes on.
---
--- `group`: of all subscriptions with this pattern and group, one gets each message. `last` (how many),
--- `since` (seconds), `seq`: what was published before, as far as it is kept. `filter`: an expression in
--- Lua's syntax of `value`, `topic` and `publisher`, which the broker evaluates. What is not handled yet
--- waits in the broker, `count` messages and `bytes` at most; `policy` says what then happens:
--- "drop_oldest" (the default), "drop_newest", "refuse" (the publisher), "disconnect". `window`: how many
--- may be under way. `gap(n, cause)` is called when n were left out and nothing follows them, and with nil
--- and "lost" when the broker was restarted or has given us up.
---@param pattern string
---@param handler? fun(msg: luaps.Message)
---@param options? table
---@return luaps.Subscription
function subscribe.subscribe(pattern, handler, options)
  publish.check_topic(pattern, 2)
  handler, options = check_handler(handler, options)
  local wanted = given.check(options, SUBSCRIBING, 2)
  local window = math.tointeger(wanted.window or WINDOW)
  local self = setmetatable({
    pattern = pattern, shown = publish.shown(pattern), handler = handler, on_gap = wanted.gap, missed = 0,
    quarter = math.max(window // 4, 1), first = 1, last = 0, queue = {}, counts = {}, waiters = {},
    options = {
      group = wanted.group, filter = wanted.filter, last = wanted.last, seq = wanted.seq, window = window,
      since = since(wanted.since, 2), count = wanted.count, bytes = wanted.bytes, policy = wanted.policy,
    },
  }, Subscription)
  begin(self)
  return self
end

--- End it; loops over its messages end. Twice is fine.
function Subscription:close()
  if self.closed then return end
  if self.number then
    subscriptions[self] = nil
    self.count:close()
    ask_unsubscribe(30, true, "unsubscribe", nothing, self.number)
  end
  end_with(self, nil)
end
Subscription.__close = Subscription.close

-- The next message that is here, or nil.
local function pop(self)
  local msg, count = self.queue[self.first], self.counts[self.first]
  if msg == nil then return nil end
  self.queue[self.first], self.counts[self.first] = nil, nil
  self.first = self.first + 1
  count:add()
  return msg
end

local function wait_for_message(self, timeout)
  local armed, waiter
  local _, err = core.await(function(resume)
    waiter = function() resume(true) end
    self.waiters[#self.waiters + 1] = waiter
    armed = timeout and core.timer(math.min(timeout, LONGEST), function()
      resume(nil, core.error("timeout", "no message came in time"))
    end, true)
  end, "messages of " .. self.shown, timeout == nil) -- A wait that ends by itself holds the program
  if armed then core.cancel_timer(armed) end
  for i = #self.waiters, 1, -1 do
    if self.waiters[i] == waiter then table.remove(self.waiters, i) end
  end
  return err
end

local TIMEOUT = { timeout = given.timeout }

--- The next message. Waits; without a timeout that does not keep the program from being over.
---@param options? { timeout?: number } seconds; 0 tries
---@return luaps.Message? msg, any err "timeout"; nil alone when the subscription was closed
function Subscription:next(options)
  local timeout = given.check(options, TIMEOUT, 2).timeout
  if self.handler then error("this subscription has a handler, which gets its messages", 2) end
  local deadline = timeout and core.now() + timeout
  while true do
    local msg = pop(self)
    if msg then return msg end
    if self.closed then return nil, self.err end
    local err = wait_for_message(self, deadline and math.max(deadline - core.now(), 0))
    if err then
      msg = pop(self)
      if msg then return msg end
      return nil, err
    end
  end
end

--- `for msg in sub:messages { timeout = 5 } do ... end`: ends when none came for so many seconds, or the
--- subscription was closed. Waits, without keeping the program from being over.
---@param options? { timeout?: number }
---@return fun(): luaps.Message?
function Subscription:messages(options)
  given.check(options, TIMEOUT, 2)
  if self.handler then error("this subscription has a handler, which gets its messages", 2) end
  return function()
    local msg = self:next(options)
    return msg
  end
end

return subscribe
