--- Asking whoever subscribes to a topic

local _ENV = require("alua.env").std
local core = require "alua.core"
local publish = require "luaps.publish"
local given = require "alua.given"
local lost = require "alua.lost"
local subscribe = require("luaps.subscribe").subscribe
local waiting = require "alua.waiting"

local request = {}

local ask_publish = core.asker "PUBLISH"

local LONGEST = 1e9 -- Seconds that a timer can be set to

local inbox, inbox_id
local requests, last_request = {}, 0

-- An id as one word, which is nobody else's.
local function word_of(id)
  return (id:gsub("[.*> _]", function(char) return ("_%02x"):format(char:byte()) end))
end

local function need_inbox()
  local id = core.info().id
  if inbox and inbox_id == id and not inbox.closed then return end
  inbox_id = id
  inbox = subscribe("_inbox." .. word_of(id) .. ".*", function(msg)
    local heard = requests[msg.topic:match "[^.]*$"]
    if heard then heard(msg.value) end
  end)
end

local REQUEST = { timeout = given.timeout, gather = true }

-- Publish with a place for the answers; `failed(err)` when nobody can answer. An answer must not be there before
-- the place: what slips in between a broker's restart and its event waits for that.
local begin_request
function begin_request(number, topic, value, failed)
  if not requests[number] or lost.soon(function() begin_request(number, topic, value, failed) end) then return end
  need_inbox()
  local told = { reply = inbox.pattern:sub(1, -2) .. number }
  ask_publish(30, true, "request to " .. publish.shown(topic), function(receivers, err)
    if receivers == nil then return failed(err) end
    if receivers == 0 then failed(core.error("unknown", "nobody subscribes to " .. publish.shown(topic))) end
  end, topic, value, told)
end

local function how_many(gather, level)
  if gather == true then return math.huge end
  if not gather then return 1 end
  if math.type(gather) ~= "integer" or gather < 1 then
    error("gather must be true or an integer from 1 up", level + 1)
  end
  return gather
end

--- Ask whoever subscribes to a topic; they answer with `msg:reply(value)`. Waits unless there is a
--- callback.
---
--- The first answer is the result; with `gather` the list of all that come until the timeout (30 s), or
--- as many as `gather` says. Fails at once ("unknown") when nobody subscribes.
---@param topic string
---@param value any
---@param options? { timeout?: number, gather?: boolean|integer }
---@param cb fun(answer: any, err: any)?
---@return any answer, any err
function request.request(topic, value, options, cb)
  publish.check_topic(topic, 2)
  waiting.check(cb)
  local wanted = given.check(options, REQUEST, 2)
  local most = how_many(wanted.gather, 2)
  return waiting.either(cb and waiting.guarded("luaps.request", cb), "request to " .. publish.shown(topic), function(done)
    local answers, number, armed = { n = 0 }, nil, nil
    local function finish(...)
      if not armed then return end
      requests[number] = nil
      core.cancel_timer(armed)
      armed = nil
      done(...)
    end
    local function result()
      if wanted.gather then return answers end
      return answers[1]
    end
    last_request = last_request + 1
    number = tostring(last_request)
    requests[number] = function(answer)
      answers.n = answers.n + 1
      answers[answers.n] = answer
      if answers.n >= most then finish(result()) end
    end
    begin_request(number, topic, value, function(err) finish(nil, err) end)
    armed = core.timer(math.min(wanted.timeout or 30, LONGEST), function()
      if wanted.gather then return finish(answers) end
      finish(nil, core.error("timeout", "nobody answered in time"))
    end)
  end)
end

return request
