--- Sending code: alua.send, alua.eval

local _ENV = require("alua.env").std
local core = require "alua.core"
local given = require "alua.given"
local reply = require "alua.reply"
local targets = require "alua.targets"
local waiting = require "alua.waiting"

local chunk = {}

-- What core.chunk's caller may want to hear of the chunk's end.
local NOTHING, DONE, RESULTS = 0, 1, 2

local EVAL_TIMEOUT = 30

local function check_text(text)
  if type(text) ~= "string" then
    error("a chunk must be a string, got " .. type(text), 3)
  end
end

local function check_timeout(timeout)
  if timeout ~= nil and type(timeout) ~= "number" then
    error("timeout must be a number of seconds, got " .. type(timeout), 3)
  end
end

-- Send to all of `list`. `cb` gets one reply with an entry for each, once all are known.
local function multicast(list, text, name, cb, timeout)
  local replies, open, problem = {}, #list, nil
  local function note(id, err)
    replies[id] = reply.entry(err)
    open = open - 1
    if open == 0 then cb(replies) end
  end
  for _, id in ipairs(list) do
    local done = cb and function(_, err) note(id, err) end
    local taken, err = core.chunk(id, text, name, cb and DONE or NOTHING, timeout, done)
    if not taken then
      problem = problem or err
      if cb then core.task(note, id, err) end
    end
  end
  if problem then return nil, problem end
  return true
end

local function refuse(code, text, cb)
  if cb then core.task(cb, reply.failed(text)) end
  return nil, core.error(code, text)
end

--- Run a chunk of Lua text in other processes (or in this one), each time as an event.
--- Does not wait. `cb(reply)` comes when all have run it: `reply[dst].status` is "ok", or
--- "error" with the text in `reply[dst].error`.
---@param dst string|string[] Ids, nodes or registered names; duplicates count once.
---@param text string
---@param cb fun(reply: table<string, table>)? Without it failures are reported on standard error.
---@param timeout number? Seconds after which an unfinished chunk counts as failed; default: none.
---@return true? sent, any err nil and the first error when some link stayed full for 30 s.
function chunk.send(dst, text, cb, timeout)
  check_text(text)
  waiting.check(cb)
  check_timeout(timeout)
  if not cb and type(dst) == "string" then -- The hot path: one, and nothing to hear
    local taken, err = core.chunk(dst, text, nil, NOTHING, timeout) -- Named after our caller's line
    if not taken then return nil, err end
    return true
  end
  local list = targets.list(dst, 2)
  if not core.info().open then return refuse("offline", "not connected", cb) end
  if #list == 0 then return refuse("usage", "invalid destination", cb) end
  return multicast(list, text, given.line(), cb, timeout)
end

--- Run a chunk elsewhere, wait, and return what it returned. At most 30 s.
---@param dst string An id, a node or a registered name.
---@param text string
---@param ... any What the chunk gets as `...`.
---@return any ... The results, or nil and an error object.
function chunk.eval(dst, text, ...)
  check_text(text)
  if type(dst) ~= "string" then
    error("destination must be an id, got " .. type(dst), 2)
  end
  local name, args, request = given.line(), table.pack(...), nil
  local results = table.pack(core.await(function(done)
    local err
    request, err = core.chunk(dst, text, name, RESULTS, EVAL_TIMEOUT, done,
      table.unpack(args, 1, args.n))
    return request, err
  end, "alua.eval at " .. dst))
  if request and core.cancelled() then core.cancel(request) end -- Nobody waits for us: nor do we
  return table.unpack(results, 1, results.n)
end

return chunk
