--- Publishing, and wills

local _ENV = require("alua.env").std
local core = require "alua.core"
local given = require "alua.given"
local lost = require "alua.lost"
local waiting = require "alua.waiting"

local publish = {}

local ask_publish, ask_will = core.asker "PUBLISH", core.asker "WILL"
local PUBLISH = core.types.PUBLISH

--- Raise at `level` for what is no topic; whether it is a good one is the broker's to say.
function publish.check_topic(topic, level)
  if type(topic) ~= "string" or topic == "" then
    error("a topic must be a string that is not empty, got " .. (topic == "" and "an empty one" or type(topic)), level + 1)
  end
end
local check_topic = publish.check_topic

--- As messages show it: one that is too long to be a topic is not shown whole.
function publish.shown(topic)
  return #topic > 255 and topic:sub(1, 60) .. "..." or topic
end
local shown = publish.shown

local PUBLISHING = {
  retain = given.flag, ttl = given.lifetime, delay = given.seconds, ack = given.flag, timeout = given.timeout,
  background = given.flag,
}
local WILL = { retain = given.flag, ttl = given.lifetime, timeout = given.timeout }

local function wire_options(wanted, level)
  return {
    retain = wanted.retain or nil,
    ttl = given.ms(wanted.ttl, "ttl", level + 1),
    delay = given.ms(wanted.delay, "delay", level + 1),
    reply = wanted.reply,
  }
end

--- Publish a value. Does not wait, unless `ack` is asked for without a callback.
---
--- `retain`: kept as the topic's value, for those who subscribe later. `ttl`, `delay`: seconds. `ack`: be
--- told how many subscriptions it went to.
---@param topic string
---@param value any
---@param options? { retain?: boolean, ttl?: number, delay?: number, ack?: boolean, timeout?: number, background?: boolean }
---@param cb fun(receivers: integer?, err: any)?
---@return true|integer|nil ok true when it is on its way; with ack how many it goes to, any err
function publish.publish(topic, value, options, cb)
  check_topic(topic, 2)
  if options == nil and cb == nil then return core.tell(PUBLISH, topic, value) end
  waiting.check(cb)
  local wanted = given.check(options, PUBLISHING, 2)
  local told = wire_options(wanted, 2)
  if not wanted.ack and not cb then return core.tell(PUBLISH, topic, value, told) end
  return ask_publish(wanted.timeout, wanted.background, "publish to " .. shown(topic), cb, topic, value, told)
end

-- What an ask returned: made of it when it has waited, as it is when a callback will hear.
local function waited(cb, made, first, ...)
  if cb or first == nil then return first, ... end
  return made(first, ...)
end

local standing -- The arguments of the will that the broker has

lost.on(function()
  if not standing then return end
  ask_will(30, true, "will", function(_, err)
    if err then core.report("luaps.will", err) end
  end, table.unpack(standing, 1, 3))
end)

--- What is published when this process ends by death (is killed, or cut off for longer than its lease),
--- not when it ends in order. `topic` nil takes it back. A broker that was restarted is told again. Waits unless there is
--- a callback.
---@param topic string?
---@param value any
---@param options? { retain?: boolean, ttl?: number, timeout?: number }
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err
function publish.will(topic, value, options, cb)
  if topic ~= nil then check_topic(topic, 2) end
  waiting.check(cb)
  local wanted = given.check(options, WILL, 2)
  local will = topic ~= nil and { topic, value, wire_options(wanted, 2) } or nil
  local function stands(ok)
    standing = will
    return ok
  end
  local told = waiting.through("luaps.will", cb, stands)
  if not will then return waited(cb, stands, ask_will(wanted.timeout, false, "will", told, nil)) end
  return waited(cb, stands, ask_will(wanted.timeout, false, "will", told, table.unpack(will, 1, 3)))
end

return publish
