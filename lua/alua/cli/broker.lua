--- alua broker: where to listen, and what may not be listened on.
local config = require "alua.cli.config"

local broker = {}

broker.options = {
  { "--listen", "listen", "list" },
  { "--until-empty", "until_empty", "flag" },
  { "--detach", "detach", "flag" },
  { "--ready", "ready", "count" },
}

-- Others could reach it, and nothing proves yet who they are.
local function refuse(host, endpoint)
  if not endpoint:find("^ipc://.") and not endpoint:find("^tcp://.+:[%d%*]+$") then
    return "'" .. endpoint .. "' is no endpoint: write ipc://PATH or tcp://ADDRESS:PORT"
  end
  if not host.is_local(endpoint) then
    return endpoint .. " could be reached by other machines, and there are no keys yet to tell who may: "
      .. "listen on 127.0.0.1, ::1 or an ipc path"
  end
end

function broker.run(host, given, rest)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'? Endpoints are given with --listen" end
  local listen = given.listen or { host.default_broker() }
  for i, text in ipairs(listen) do
    listen[i] = config.endpoint(text)
    local why = refuse(host, listen[i])
    if why then return 1, why end
  end
  if given.detach then
    local line, why = host.detach { listen = listen, until_empty = given.until_empty }
    if not line then return 1, why end
    print(line)
    return 0
  end
  return host.serve { listen = listen, until_empty = given.until_empty, ready = given.ready }
end

return broker
