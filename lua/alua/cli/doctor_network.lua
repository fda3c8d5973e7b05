--- alua doctor, what the network says: is the broker there, does it let us in, clocks, addresses of nodes.
local network = {}

local PATIENCE = 5 -- Seconds for an answer of the broker
local CLOCKS = 2000 -- ms that two clocks may differ

-- ---- Is anybody there ------------------------------------------------------------

local START = 'start one there: "alua broker%s"'

local unreachable = {
  refused = { "nobody listens at %s (%s)", START },
  silent = { "no answer from %s (%s)", "is that host up, and does a firewall let its port through?" },
  unresolved = { "the name in %s is not known (%s)", "its spelling, /etc/hosts, the name server; or write the number" },
  bad = { "'%s' is no endpoint%s", "write ipc://PATH or tcp://ADDRESS:PORT" },
}

local function is_there(host, report, broker)
  local what, why = host.doctor.reach(broker)
  if what == "accepted" then return true end
  local text, fix = table.unpack(unreachable[what])
  local listen = broker == host.default_broker() and "" or " --listen " .. broker
  report:problem("broker", text:format(broker, why), (fix:gsub("%%s", function() return listen end)))
end

-- ---- Does it let us in -------------------------------------------------------------

local function fix_of(text)
  if text:find "does not trust our key" then return text:match "run `(.-)`" or "alua keys trust, on its host" end
  if text:find "does not have the key" then
    return "get its .pub file anew from its host, and see who may have replaced it; or start it with --key"
  end
  if text:find "with keys only" or text:find "public key is not known" then
    return "alua keys new NAME, have NAME.pub trusted there; then --key NAME.key --broker-key broker.pub"
  end
  if text:find "has no keys" then return "start it with --key broker.key, or go without --key" end
  if text:find "wrong token" then return "the same user with the same runtime directory; others take keys" end
end

local fixes = {
  version = "install the same release of alua on both hosts",
  denied = "see what the broker says on its standard error",
  timeout = "it answers nothing: is that an alua broker, and does it run?",
}

local function settings_of(given)
  return { visitor = true, key = given.key, broker_key = given.broker_key }
end

-- The core, when the broker let us in.
local function enter(report, given, broker)
  local core = require "alua.core"
  local started, why = pcall(core.configure, settings_of(given))
  if not started then
    why = tostring(why):gsub("^cannot start: ", "")
    report:problem("broker", "not asked: " .. why, "see above")
    return
  end
  local id, err = core.await(function(resume) return core.open(broker, PATIENCE, resume) end, "open " .. broker)
  if id then return core end
  local text = tostring(err)
  report:problem("broker", broker .. ": " .. text, fix_of(text) or fixes[core.iserror(err) and err.code] or fixes.denied)
end

local function ask(core, kind)
  return core.await(function(resume) return core.ask(kind, PATIENCE, resume) end, kind)
end

-- ---- What it says --------------------------------------------------------------

local function check_clock(report, stat, before, after)
  if type(stat.wall) ~= "number" then return end
  local difference = stat.wall - (before + after) // 2
  local text = ("its clock is %.1f s %s ours"):format(math.abs(difference) / 1000, difference < 0 and "behind" or "ahead of")
  if math.abs(difference) <= CLOCKS + (after - before) then return report:ok("clock", text) end
  report:problem("clock", text, "set both by NTP (timedatectl set-ntp true)")
end

local function check_stat(host, report, core, broker)
  local before = host.doctor.wall()
  local stat, err = ask(core, "STAT")
  if type(stat) ~= "table" then
    return report:problem("broker", broker .. " lets us in, but does not answer: " .. tostring(err),
      "see its standard error")
  end
  report:ok("broker", broker .. " lets us in")
  if stat.insecure == 1 then
    report:problem("broker", "it runs with --insecure: whoever reaches it may do everything",
      "start it with --key broker.key")
  end
  if stat.policy_broken == 1 then
    report:problem("broker", "its policy file is wrong now, and the rights are as they were before",
      "alua doctor --policy FILE, there")
  end
  if stat.trust_broken == 1 then
    report:problem("broker", "its trust store cannot be read, and what is in force is as it was before",
      "alua doctor --trust DIR, there")
  end
  check_clock(report, stat, before, host.doctor.wall())
end

-- ---- Addresses of nodes ------------------------------------------------------------

local function host_of(endpoint)
  return endpoint:match "^tcp://%[(.*)%]:" or endpoint:match "^tcp://(.*):"
end

local function is_private(address)
  local second = tonumber(address:match "^172%.(%d+)%.")
  return address:find "^10%." or address:find "^192%.168%." or address:find "^169%.254%." or address:find "^[fF][cdCD]"
    or second and second >= 16 and second <= 31
end

-- Numbers of the whole internet; of a name we do not know.
local function is_public(address)
  return address and address:find "^[%d.]+$" and not is_private(address) and not address:find "^127%."
end

--- What is to be said of an endpoint that a node of this broker tells others.
function network.endpoint(host, report, node, endpoint, broker)
  local address = host_of(endpoint)
  local about = ("node %s tells others %s"):format(node.node, endpoint)
  local advertise = "start it with --advertise ADDRESS, one that others can reach"
  if address == "0.0.0.0" or address == "::" then
    return report:problem("nodes", about .. ", which is no address", advertise)
  elseif host.is_local(endpoint) then
    if node.host == "" or host.is_local(broker) then return report:ok("nodes", about .. " (this machine only)") end
    return report:problem("nodes", about .. ", which only its own host can reach", advertise)
  elseif is_private(address) and is_public(host_of(broker)) then
    return report:problem("nodes", about .. ", which is a private network's, and the broker is outside: NAT is between",
      advertise .. "; else all goes through the broker")
  end
  local what, why = host.doctor.reach(endpoint)
  if what == "accepted" then return report:ok("nodes", about .. ", which can be reached from here") end
  report:problem("nodes", ("%s, which cannot be reached from here (%s)"):format(about, why ~= "" and why or what),
    "let its port through the firewall, or " .. advertise .. "; until then all goes through the broker")
end

local function check_nodes(host, report, core, broker)
  local list = ask(core, "NODES")
  for _, node in ipairs(type(list) == "table" and list or {}) do
    for _, endpoint in ipairs(not node.visitor and node.endpoints or {}) do
      if endpoint:find "^tcp://" then network.endpoint(host, report, node, endpoint, broker) end
    end
  end
end

--- Append what is found to the report.
function network.check(host, report, given)
  local found, broker = pcall(function() return given.broker or host.default_broker() end)
  if not found then return end -- No runtime directory: said already
  if not is_there(host, report, broker) then return end
  local core = enter(report, given, broker)
  if not core then return end
  check_stat(host, report, core, broker)
  check_nodes(host, report, core, broker)
  core.finish(0, 2)
end

return network
