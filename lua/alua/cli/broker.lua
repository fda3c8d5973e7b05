--- alua broker: where to listen, and what may not be listened on.
local reach = require "alua.cli.reach"

local broker = {}

broker.options = {
  { "--listen", "listen", "list" },
  { "--key", "key", "name" },
  { "--trust", "trust", "name" },
  { "--policy", "policy", "name" },
  { "--insecure", "insecure", "flag" },
  { "--until-empty", "until_empty", "flag" },
  { "--detach", "detach", "flag" },
  { "--ready", "ready", "count" },
}

-- Where it listens; or nil and why not.
local function places(host, given)
  local listen = {}
  for i, text in ipairs(given.listen or { host.default_broker() }) do
    local endpoint, why = reach.endpoint(host, given, text, "broker")
    if not endpoint then return nil, why end
    listen[i] = endpoint
  end
  return listen
end

function broker.run(host, given, rest)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'? Endpoints are given with --listen" end
  if given.policy and not given.key then return 2, "--policy says what keys may do: it takes --key FILE" end
  local listen, why = places(host, given)
  if not listen then return 1, why end
  reach.warn("broker", given, "whoever reaches " .. table.concat(listen, ", ") .. " may do everything in this network")
  local settings = {
    listen = listen, until_empty = given.until_empty, ready = given.ready,
    key = given.key, trust = given.trust, policy = given.policy, insecure = given.insecure,
  }
  if not given.detach then return host.serve(settings) end
  local line, problem = host.detach(settings)
  if not line then return 1, problem end
  print(line)
  return 0
end

return broker
