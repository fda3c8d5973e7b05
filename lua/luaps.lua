--- luaps - publish and subscribe: messages by topic, to whoever wants them
--
-- A topic is words joined by dots; in a pattern `*` is one word and `>` the rest. The broker matches,
-- routes and delivers: order is kept per publisher, every gap is announced with its size, and a slow
-- subscriber slows nobody else.

local core = require "alua.core"

return {
  publish = require("luaps.publish").publish,
  will = require("luaps.publish").will,
  subscribe = require("luaps.subscribe").subscribe,
  request = require("luaps.request").request,
  iserror = core.iserror,
}
