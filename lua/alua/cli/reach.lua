--- Where a broker or node may listen: what others could reach takes a key, or --insecure.
local config = require "alua.cli.config"

local reach = {}

local MAKE_KEYS = [[%s could be reached by other machines, and without a key nobody can tell who comes. Two commands:
    alua keys new %s            # then: --key %s.key
    alua keys trust ana.pub    # who may come; each makes a pair by "alua keys new"
Or listen on 127.0.0.1, ::1 or an ipc path; or, for experiments, say --insecure]]

--- An endpoint that can be listened at, with a number for a host's name.
---@param given { key: string?, insecure: boolean? }
---@param name string What a fresh key would be called.
---@return string? endpoint, string? why
function reach.endpoint(host, given, text, name)
  local endpoint = config.endpoint(text)
  if not endpoint:find("^ipc://.") and not endpoint:find("^tcp://.+:[%d%*]+$") then
    return nil, "'" .. endpoint .. "' is no endpoint: write ipc://PATH or tcp://ADDRESS:PORT"
  end
  if not host.is_local(endpoint) and not given.key and not given.insecure then
    return nil, MAKE_KEYS:format(endpoint, name, name)
  end
  local numeric, why = host.listenable(endpoint)
  if not numeric then return nil, endpoint .. ": " .. why end
  return numeric
end

local WARNING = "alua %s: warning: --insecure: %s, and nothing tells who it is\n"

--- Say on standard error what --insecure means, where it means something.
function reach.warn(verb, given, where)
  if given.insecure then io.stderr:write(WARNING:format(verb, where)) end
end

--- Say what a broker's STAT tells of it.
---@param stat table?
function reach.warn_of_broker(stat)
  if type(stat) == "table" and stat.insecure == 1 then
    io.stderr:write("alua: warning: this broker runs with --insecure: whoever reaches it may do everything\n")
  end
end

return reach
