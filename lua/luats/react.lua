--- Reactions: Lua text that changes what an operation of a space does, run by the broker in its jail

local _ENV = require("alua.env").std
local core = require "alua.core"
local check = require "luats.check"
local given = require "alua.given"
local lost = require "alua.lost"
local template = require "luats.template"
local waiting = require "alua.waiting"
local Space = require "luats.space"

local ask_react, ask_unreact = core.asker "REACT", core.asker "UNREACT"
local ask_reactions = core.asker "REACTIONS"

local ANY = { timeout = given.timeout, background = given.flag }

local installed = {} -- By the broker's number

---@class luats.Reaction
---@field number integer? The broker's; nil when it is installed anew after a restart and not yet there.
---@field name string
---@field space string
---@field failures integer How often it was told of runs that failed.
local Reaction = {}
Reaction.__index = Reaction
Reaction.__name = "luats.reaction"

core.on("reaction", function(number, text)
  local self = installed[number]
  if self then self.failures = self.failures + 1 end
  local what = self and ("luats.reaction %s of %s"):format(self.name, self.space) or "luats.reaction " .. number
  core.report(what, text)
end)

-- Note what the broker said of a REACT.
local function took(self, number, err)
  if number == nil then return nil, err end
  self.number = number
  installed[number] = self
  return self
end

lost.on(function()
  local before = installed
  installed = {}
  for _, self in pairs(before) do
    self.number = nil
    ask_react(30, true, "reaction " .. self.name, function(number, err)
      if number == nil then core.report("luats.reaction " .. self.name, err) end
      if number == nil or not self.removed then return took(self, number, err) end
      ask_unreact(30, true, "removal of " .. self.name, function(_, _) end, number)
    end, self.space, table.unpack(self.wanted, 1, 6))
  end
end)

--- Take it away. True; twice is fine. Waits unless there is a callback.
---@param options? { timeout?: number, background?: boolean }
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err
function Reaction:remove(options, cb)
  waiting.check(cb)
  local wanted = given.check(options, ANY, 2)
  local number = self.number or 0
  self.removed, self.number = true, nil
  installed[number] = nil
  local function done(ok, err)
    if ok == nil then return nil, err end
    return true
  end
  local heard = cb and waiting.guarded("luats.remove", cb)
  return done(ask_unreact(wanted.timeout, wanted.background, "removal of " .. self.name,
    cb and function(ok, err) heard(done(ok, err)) end, number))
end

Reaction.__tostring = function(self) return ("reaction %s of %s"):format(self.name, self.space) end

local KNOWN = { on = true, phase = true, template = true, name = true, code = true, strict = true }
local ON = { out = true, take = true, read = true, expire = true }
local PHASE = { before = true, after = true }

-- The fields of REACT behind the space's name.
local function fields(wanted, level)
  if type(wanted) ~= "table" then error("a reaction is described by a table, got " .. type(wanted), level + 1) end
  given.check(wanted, KNOWN, level + 1)
  local phase = wanted.phase or (wanted.on == "expire" and "after" or "before")
  if not ON[wanted.on] then error('on must be "out", "take", "read" or "expire"', level + 1) end
  if not PHASE[phase] then error('phase must be "before" or "after"', level + 1) end
  if wanted.on == "expire" and phase == "before" then error('on = "expire" is only "after"', level + 1) end
  if wanted.name ~= nil and type(wanted.name) ~= "string" then error("name must be a string", level + 1) end
  if type(wanted.code) ~= "string" then error("code must be Lua text, got " .. type(wanted.code), level + 1) end
  local name = wanted.name or "reaction"
  local ok, why = load(wanted.code, "=" .. name, "t")
  if not ok then error(why, level + 1) end
  local pattern = wanted.template
  if pattern == nil then pattern = { template.rest } end
  check.table(pattern, "a template", level + 1)
  if wanted.strict ~= nil and type(wanted.strict) ~= "boolean" then error("strict must be true or false", level + 1) end
  if wanted.strict and phase == "after" then error('strict is only for phase = "before"', level + 1) end
  return { wanted.on, phase, pattern, name, wanted.code, { strict = wanted.strict or nil } }
end

--- Install a reaction: `code` runs before or after each operation `on` ("out", "take", "read", "expire")
--- whose tuple matches the template, and the space stands still meanwhile. It ends with `remove`, with
--- this process, or with the space; after a restart of the broker it is installed anew. Waits unless there
--- is a callback.
---
--- The code finds `t` (the tuple), `on`, `phase`, `who` (id of the process whose operation it is, or nil),
--- `space` (`out`, `take`, `read`, `take_all`, `read_all`, `count`, which never wait: take and read return
--- nil when nothing matches), `spaces(name)` for another space, the terms of luats (`luats.int`, and `any`,
--- `rest`, `int`, `float`, `range`, `prefix`, `oneof`, `var`, `where` without it), and Lua's libraries but
--- for what reaches out. Before the operation it may `return refuse(text)` (whoever asked gets an error of
--- code "denied"), or return a table that takes the tuple's place; nil or true lets it pass. It has one
--- second. When it fails the operation goes on, or is refused with code "denied" if `strict` is true (before);
--- this process is told on standard error, at most ten times a second.
--- `phase` is "before" unless given (of expire "after"), the template any tuple.
---@param wanted { on: string, phase?: string, template?: table, name?: string, code: string, strict?: boolean }
---@param options? { timeout?: number, background?: boolean }
---@param cb fun(reaction: luats.Reaction?, err: any)?
---@return luats.Reaction? reaction, any err code "system": the broker has no program alua-jail
function Space:react(wanted, options, cb)
  check.open(self, 2)
  local told = fields(wanted, 2)
  waiting.check(cb)
  local how = given.check(options, ANY, 2)
  local reaction = setmetatable({ space = self.name, name = told[4], wanted = told, failures = 0 }, Reaction)
  local what = "reaction " .. reaction.name
  if cb then
    local done = waiting.guarded("luats.react", cb)
    return ask_react(how.timeout, how.background, what, function(number, err) done(took(reaction, number, err)) end,
      self.name, table.unpack(told, 1, 6))
  end
  return took(reaction, ask_react(how.timeout, how.background, what, nil, self.name, table.unpack(told, 1, 6)))
end

--- The reactions of the space, everybody's, in the order in which they run. Waits unless there is a callback.
---@param options? { timeout?: number, background?: boolean }
---@param cb fun(list: table[]?, err: any)?
---@return table[]? list of `{ number, on, phase, name, strict, owner }`, any err
function Space:reactions(options, cb)
  check.open(self, 2)
  waiting.check(cb)
  local wanted = given.check(options, ANY, 2)
  return ask_reactions(wanted.timeout, wanted.background, "reactions of " .. self.name, cb, self.name)
end

return Space
