--- alua ping: is the broker well, is a node. For people, and for health checks.
local join = require "alua.cli.join"
local reach = require "alua.cli.reach"
local show = require "alua.cli.show"
local visitor = require "alua.cli.visitor"

local ping = {}

ping.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--count", "count", "count" }, { "--timeout", "patience", "seconds" }, { "--json", "json", "flag" },
  { "--counters", "counters", "flag" },
}

local PATIENCE = 5 -- Seconds; a health check must not hang

-- What a node can only say if it is alive, whether or not it lets us call.
local alive = { no_function = true, not_exported = true, draining = true, denied = true }

-- How much time the question and its answer took; what came.
local function round(asker, what, start)
  local core, begun = asker.core, asker.now()
  local results = table.pack(core.await(start, "ping " .. what))
  local failed = results[1] == nil and core.iserror(results[2])
  return (asker.now() - begun) * 1000, not failed and results[1] or nil, failed and results[2] or nil
end

local function ask_broker(asker)
  return round(asker, "the broker", function(resume) return asker.core.ask("STAT", asker.patience, resume) end)
end

-- Any function does: it is the answer that counts. A refusal that is the broker's says nothing of the node.
local function ask_node(asker, who, id)
  local ms, _, err = round(asker, who, function(resume)
    return asker.core.call(id, "type", { timeout = asker.patience }, resume, "ping")
  end)
  if err and not (alive[err.code] and (err.node == id or err.code == "draining")) then return ms, nil, err end
  return ms, { id = id, state = err and err.code == "draining" and "draining" or "up" }
end

local function find(asker, who)
  local _, found, err = round(asker, who, function(resume)
    return asker.core.ask("LOOKUP", asker.patience, resume, who)
  end)
  return found and found.id, err
end

local function rounds(count, one)
  local times, last = {}, nil
  for i = 1, count do
    local ms, found, err = one()
    if not found then return nil, err end
    times[i], last = ms, found
  end
  return times, last
end

local function summary(times)
  local least, most, sum = math.huge, 0, 0
  for _, ms in ipairs(times) do least, most, sum = math.min(least, ms), math.max(most, ms), sum + ms end
  return { least = least, mean = sum / #times, most = most }
end

local function duration(seconds)
  if seconds < 120 then return ("%d s"):format(seconds) end
  if seconds < 7200 then return ("%d min"):format(seconds // 60) end
  if seconds < 172800 then return ("%d h"):format(seconds // 3600) end
  return ("%d days"):format(seconds // 86400)
end

local function about(found)
  if found.id then return found.state end
  return ("protocol %d, %d member%s, up for %s%s"):format(found.protocol or 1, found.members,
    found.members == 1 and "" or "s", duration(found.uptime or 0), found.insecure == 1 and ", INSECURE" or "")
end

-- What the broker counts; those of zero say nothing.
local function counters_of(found)
  local counters = {}
  for name, value in pairs(found) do
    if type(value) == "number" and value ~= 0 then counters[name] = value end
  end
  return counters
end

local function print_counters(found)
  local names = {}
  for name in pairs(counters_of(found)) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do print(("%-24s %s"):format(name, found[name])) end
end

local function print_json(who, count, ms, found, counted)
  local out = { who = who, count = count, ms = ms }
  if found.id then
    out.id, out.state = found.id, found.state
  else
    out.protocol, out.members, out.uptime, out.insecure = found.protocol, found.members, found.uptime, found.insecure == 1
    out.counters = counted and counters_of(found) or nil
  end
  print(show.json(out))
end

local function print_lines(who, times, ms, found)
  print(("%s: %.2f ms, %s"):format(who, ms.mean, about(found)))
  if #times > 1 then
    print(("%d answers: least %.2f, mean %.2f, most %.2f ms"):format(#times, ms.least, ms.mean, ms.most))
  end
end

local function one_round(asker, who)
  if not who then return function() return ask_broker(asker) end end
  local id, err = find(asker, who)
  if not id then return nil, err end
  return function() return ask_node(asker, who, id) end
end

function ping.run(host, given, rest)
  if rest[2] then return 2, "one node: alua ping ana" end
  if rest[1] and given.counters then return 2, "--counters are the broker's: without a node" end
  local who, count = rest[1], given.count or 1
  join.patience = given.patience or PATIENCE
  return visitor.stay(host, given, function(core)
    local one, why = one_round({ core = core, now = host.now, patience = join.patience }, who)
    if not one then return nil, why end
    local times, found = rounds(count, one)
    if not times then return nil, found end
    local ms, name = summary(times), who or "broker " .. (given.broker or host.default_broker())
    reach.warn_of_broker(found)
    if given.json then print_json(name, count, ms, found, given.counters) else print_lines(name, times, ms, found) end
    if given.counters and not given.json then print_counters(found) end
    return 0
  end)
end

return ping
