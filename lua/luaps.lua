--- luaps - publish and subscribe: messages by topic, to whoever wants them
--
-- A topic is words joined by dots; in a pattern `*` is one word and `>` the rest. The broker matches,
-- routes and delivers: order is kept per publisher, every gap is announced with its size, and a slow
-- subscriber slows nobody else.

local core = require "alua.core"
local given = require "alua.given"
local waiting = require "alua.waiting"

local ask_topics = core.asker "TOPICS"

--- What the broker knows: topics, `{ topic, seq, kept, retained }` (the last number, how many messages are
--- kept), and subscriptions, `{ pattern, sub, id, group, waiting, dropped }`. As many as fit a message. Waits
--- unless there is a callback.
---@param options? { timeout?: number }
---@param cb fun(topics: table[]?, subscriptions: any)?
---@return table[]? topics, table[]|any subscriptions or an error
local function topics(options, cb)
  waiting.check(cb)
  local wanted = given.check(options, { timeout = given.timeout }, 2)
  return ask_topics(wanted.timeout, false, "topics", cb)
end

return {
  topics = topics,
  publish = require("luaps.publish").publish,
  will = require("luaps.publish").will,
  subscribe = require("luaps.subscribe").subscribe,
  request = require("luaps.request").request,
  iserror = core.iserror,
}
