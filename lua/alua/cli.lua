--- The command line: finds the verb, reads its options, runs it.
--
-- Each verb is a module alua.cli.VERB that returns { options = list, run = function }; its manual
-- page stands in alua.cli.pages. What needs C (processes, sockets, the terminal) comes in as `host`.
-- Modules are loaded where they are used: a process of a run needs neither pages nor options, and keeps all that it loads.

local verbs = {
  run = "alua.cli.run", broker = "alua.cli.broker", node = "alua.cli.node", console = "alua.cli.console",
  nodes = "alua.cli.nodes", send = "alua.cli.send", call = "alua.cli.call", child = "alua.cli.child",
  out = "alua.cli.out", take = "alua.cli.take", read = "alua.cli.read", count = "alua.cli.count",
  watch = "alua.cli.watch", spaces = "alua.cli.spaces",
  pub = "alua.cli.pub", sub = "alua.cli.sub", request = "alua.cli.request", topics = "alua.cli.topics",
  keys = "alua.cli.keys", doctor = "alua.cli.doctor",
  config = "alua.cli.config_show", ping = "alua.cli.ping", drain = "alua.cli.drain",
}

local USAGE = 2 -- The status of a command line that makes no sense

local function complain(verb, message)
  io.stderr:write("alua ", verb, ": ", message, "\n", "Try 'alua help ", verb, "'.\n")
  return USAGE
end

local function help(_, verb)
  local pages = require "alua.cli.pages"
  local page = pages[verb and verb:find "^[^-]" and verb or "alua"]
  if not page then
    io.stderr:write("alua help: there is no command '", verb, "'\n")
    return USAGE
  end
  io.write(page)
  return 0
end

local function run(host, verb, args)
  local command = require(verbs[verb])
  if not command.options then return command.run(host, args) end -- Takes its arguments as they are
  local config = require "alua.cli.config"
  local given, rest = require("alua.cli.options").parse(command.options, args, command.stops)
  if not given then return complain(verb, rest) end
  if given.help then return help(host, verb) end
  local found, problem = config.load(host, given)
  if not found and command.any_config then found = {} end
  if not found then
    io.stderr:write("alua: ", problem, "\n")
    return 1
  end
  if not command.settings then config.complete(given, found, verb) end
  if given.trust then host.setenv("ALUA_TRUST", given.trust) end -- For all that look there, children too
  local status, message = command.run(host, given, rest, found)
  if message and status == USAGE then return complain(verb, message) end
  if message then io.stderr:write("alua ", verb, ": ", message, "\n") end
  return status
end

local words = {
  help = help, ["--help"] = help, ["-h"] = help,
  version = function(host) print("alua " .. host.version .. ", " .. _VERSION) return 0 end,
}
words["--version"], words["-v"] = words.version, words.version

--- Run `alua VERB ARGS...`.
---@param host table What C gives (main/host.h).
---@return integer status
return function(host, verb, ...)
  if not verb then
    io.stderr:write(require("alua.cli.pages").usage)
    return USAGE
  end
  if words[verb] then return words[verb](host, ...) end
  if verbs[verb] then return run(host, verb, { ... }) end
  io.stderr:write("alua: there is no command '", verb, "'\n", require("alua.cli.pages").usage)
  return USAGE
end
