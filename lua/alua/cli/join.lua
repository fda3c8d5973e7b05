--- Becoming a process of a network, from the command line: what node, console, nodes, send, call and the
-- children of a run have in common.
local join = {
  patience = 30, -- Seconds until the broker must have let us in
}

-- Those that later parts bring are missing until then.
local modules = { "alua", "dalua", "luarpc", "luats", "luaps" }

--- The globals that every process of ours finds.
function join.globals()
  for _, name in ipairs(modules) do
    if package.preload[name] or package.searchpath(name, package.path) then _G[name] = require(name) end
  end
  _G.ad = _G.dalua
end

--- Why there is no network at an endpoint; nothing when there is one.
---@param host table
---@param broker string
---@return string? why
function join.missing(host, broker)
  local what = host.probe(broker)
  if what == "somebody" then return end
  if what == "bad" then return "'" .. broker .. "' is no endpoint: write ipc://PATH or tcp://ADDRESS:PORT" end
  return ("no broker at %s: start one with 'alua broker%s'")
    :format(broker, broker == host.default_broker() and "" or " --listen " .. broker)
end

-- What the command line says of the node, besides its name.
local node_options = { "key", "broker_key", "code", "insecure", "listen", "advertise" }

--- Open the network of a broker, in a process that nobody launched.
---@param host table
---@param given table Options: broker (the user's default), key, broker_key; of a node: code, insecure, listen, advertise.
---@param settings table Of the node: name, visitor.
---@param globals boolean? Set the globals, before anybody can send us a chunk.
---@return table? core, any id_or_why
function join.open(host, given, settings, globals)
  local broker = given.broker or host.default_broker()
  local missing = join.missing(host, broker)
  if missing then return nil, missing end
  local core = require "alua.core"
  for _, name in ipairs(node_options) do settings[name] = given[name] end
  if settings.visitor then settings.listen, settings.advertise = "", "" end -- Whatever is set for nodes: their port is taken
  local started, why = pcall(core.configure, settings)
  if not started then return nil, (tostring(why):gsub("^cannot start: ", "")) end
  if globals then join.globals() end
  local id, err = join.connect(core, broker)
  if not id then return nil, tostring(err) end
  return core, id
end

--- Wait until the broker has let us in.
---@param known (fun(id: string): nil)? Called before any other event runs.
---@return string? id, any err
function join.connect(core, broker, known)
  return core.await(function(resume)
    return core.open(broker, join.patience, function(id, ...)
      if id and known then known(id) end
      resume(id, ...)
    end)
  end, "open " .. broker)
end

--- Join an app; who is in it is asked for by whoever wants to know.
function join.app(core, app)
  if not app then return end
  core.ask("JOIN", 30, function(_, err)
    if err and core.iserror(err) then core.report("cannot join '" .. app .. "'", err) end
  end, app)
end

return join
