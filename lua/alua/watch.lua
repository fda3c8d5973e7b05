--- Watching: who comes, falls silent, leaves, is gone

local _ENV = require("alua.env").std
local core = require "alua.core"
local lost = require "alua.lost"

local watch = {}

---@class alua.Watch
local Watch = {}
Watch.__index = Watch
Watch.__name = "alua.watch"

local TIMEOUT = 30

local watches = {} -- Set of all that are open

local function concerns(self, id, node)
  return self.who == nil or self.who == id or self.who == node or self.id == id
end

core.on("watched", function(what, id, node, _, text)
  for self in pairs(watches) do
    if concerns(self, id, node) then core.task(self.f, what, id, node, text) end
  end
end)

local function report(answer, err)
  if answer == nil then core.report("alua.watch", err) end
end

local function shared(self)
  for other in pairs(watches) do
    if other.who == self.who then return true end
  end
end

--- Stop watching. Twice is fine.
function Watch:close()
  if not watches[self] then return end
  watches[self] = nil
  if not shared(self) and core.info().open then
    core.ask("UNWATCH", TIMEOUT, report, self.who)
  end
end
Watch.__close = Watch.close

-- A registered name stands for whoever holds it now. What was under way when the broker went is asked for at the next.
local function begin(self)
  local function again() if watches[self] then begin(self) end end
  core.ask("WATCH", TIMEOUT, function(answer, err)
    if answer == nil and watches[self] and not lost.again(err, again) then report(answer, err) end
  end, self.who)
  if not self.who then return end
  core.ask("LOOKUP", TIMEOUT, function(found, _) self.id = found and found.id or self.id end, self.who)
end

--- Call `f(what, id, node, text)` as an event when a process or node comes ("up"), answers no more
--- ("silent") or again ("back"), has left ("left"), or is "gone" for ever. Does not wait, does not
--- keep the program from being over.
---@param who string|nil An id, a node or a registered name; nil: everybody.
---@param f fun(what: string, id: string, node: string, text: string)
---@return alua.Watch
function watch.watch(who, f)
  if who ~= nil and type(who) ~= "string" then
    error("whom to watch must be an id, got " .. type(who), 2)
  end
  if type(f) ~= "function" then
    error("a function must be given, got " .. type(f), 2)
  end
  local self = setmetatable({ who = who, f = f }, Watch)
  watches[self] = true
  begin(self)
  return self
end

return watch
