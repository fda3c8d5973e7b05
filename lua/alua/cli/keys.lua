--- alua keys: key pairs, and who is trusted.
local join = require "alua.cli.join"
local nearest = require "alua.nearest"
local nodes = require "alua.cli.nodes"
local rotate = require "alua.cli.keys_rotate"
local show = require "alua.cli.show"

local keys = {}

keys.options = {
  { "--dir", "dir", "name" }, { "--name", "name", "name" }, { "--trust", "trust", "name" }, { "--json", "json", "flag" },
  { "--broker", "broker" }, { "--broker-key", "broker_key", "name" },
}

local NAMES = "a name is 1 to 63 letters, digits, dots, hyphens and underscores, not beginning with a dot"

local actions = {}

-- Where names of files are meant.
local function place(given, name)
  return (given.dir and given.dir .. "/" or "") .. name
end

local function store(host, given)
  local directory = given.trust or host.keys.directory()
  if directory then return directory end
  return nil, "there is no home directory for the trust store: say --trust DIR"
end

-- ---- new -----------------------------------------------------------------------

local NEXT = [[
%s.key  the private half: it stays here and is shown to nobody
%s.pub  the public half: whoever shall let %s in runs "alua keys trust %s.pub"
]]

function actions.new(host, given, rest)
  local name = rest[1]
  if not name or rest[2] then return 2, "one name: alua keys new ana" end
  if not host.keys.name_ok(name) then
    return 2, ("'%s' cannot be a name: %s (another directory is given with --dir)"):format(name, NAMES)
  end
  local base = place(given, name)
  local key, why = host.keys.new(name, base)
  if not key then return 1, why end
  io.write(NEXT:format(base, base, name, name))
  return 0
end

-- ---- trust ---------------------------------------------------------------------

local function file_of(directory, entry)
  return directory .. (entry.revoked and "/revoked/" or "/") .. entry.name .. ".pub"
end

local function find(list, test)
  for _, entry in ipairs(list) do
    if test(entry) then return entry end
  end
end

-- Why a key may not be trusted under a name; or true when it is already.
local function clash(list, name, key)
  local other = find(list, function(entry) return entry.name == name and not entry.revoked end)
  local same = find(list, function(entry) return entry.key == key and not entry.revoked end)
  if other and other.key == key then return true end
  if same then
    return ("this key is trusted already, as '%s': revoke that name first if it shall be '%s'"):format(same.name, name)
  elseif other then
    return ("another key is trusted as '%s' already: take another name with --name, or first run "
      .. "\"alua keys revoke %s\""):format(name, name)
  end
end

local function trust_file(host, given, directory, path)
  local name, key = host.keys.load(path, false)
  if not name then return nil, key end
  name = given.name or name
  if not host.keys.name_ok(name) then return nil, ("'%s' cannot be a name: %s"):format(name, NAMES) end
  local list, why = host.keys.list(directory)
  if not list then return nil, why end
  local problem = clash(list, name, key)
  if problem == true then return ("%s is trusted already (%s)"):format(name, key) end
  if problem then return nil, path .. ": " .. problem end
  local done, failure = host.keys.add(directory, path, name)
  if not done then return nil, failure end
  return ("%s is trusted (%s)"):format(name, key)
end

function actions.trust(host, given, rest)
  if not rest[1] then return 2, "which file? alua keys trust bob.pub" end
  if given.name and rest[2] then return 2, "--name goes with one file" end
  local directory, why = store(host, given)
  if not directory then return 1, why end
  for _, path in ipairs(rest) do
    local line, problem = trust_file(host, given, directory, place(given, path))
    if not line then return 1, problem end
    print(line)
  end
  return 0
end

-- ---- revoke --------------------------------------------------------------------

local function is_file(path)
  local file = path:find "%.pub$" and io.open(path, "rb")
  return file and file:close()
end

local function unknown(list, word)
  local names = {}
  for _, entry in ipairs(list) do
    if not entry.revoked then table.insert(names, entry.name) end
  end
  local near = nearest(word, names)
  return ("nobody is trusted as '%s'%s: see \"alua keys list\"")
    :format(word, near and "; did you mean '" .. near .. "'?" or "")
end

-- The entry that a name, or the public half in a file, means.
local function meant(host, given, list, word)
  local path, key = place(given, word), nil
  if is_file(path) then
    local name, key_or_why = host.keys.load(path, false)
    if not name then return nil, key_or_why end
    key = key_or_why
  end
  local function fits(entry) return entry.key == key or not key and entry.name == word end
  local entry = find(list, function(one) return fits(one) and not one.revoked end) or find(list, fits)
  if entry then return entry end
  if key then return nil, ("the key in %s is not trusted: see \"alua keys list\""):format(path) end
  return nil, unknown(list, word)
end

local function revoke_one(host, given, directory, word)
  local list, why = host.keys.list(directory)
  if not list then return nil, why end
  local entry, problem = meant(host, given, list, word)
  if not entry then return nil, problem end
  if entry.revoked then return ("%s is revoked already"):format(entry.name) end
  local done, failure = host.keys.revoke(directory, entry.name)
  if not done then return nil, failure end
  return ("%s is revoked (%s): brokers that use this trust store end its links within a second")
    :format(entry.name, entry.key)
end

function actions.revoke(host, given, rest)
  if not rest[1] then return 2, "whom? alua keys revoke bob" end
  local directory, why = store(host, given)
  if not directory then return 1, why end
  for _, word in ipairs(rest) do
    local line, problem = revoke_one(host, given, directory, word)
    if not line then return 1, problem end
    print(line)
  end
  return 0
end

-- ---- list ----------------------------------------------------------------------

local columns = {
  { "NAME", function(entry) return entry.name end }, { "KEY", function(entry) return entry.key end },
  { "STATE", function(entry) return entry.state end }, { "FILE", function(entry) return entry.file end },
}

function actions.list(host, given, rest)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'?" end
  local directory, why = store(host, given)
  if not directory then return 1, why end
  local list, problem = host.keys.list(directory)
  if not list then return 1, problem end
  for i, entry in ipairs(list) do
    list[i] = { name = entry.name, key = entry.key, state = entry.revoked and "revoked" or "trusted",
                file = file_of(directory, entry) }
  end
  if given.json then
    print(show.json(list))
  elseif list[1] then
    for _, line in ipairs(nodes.lines(list, columns)) do print(line) end
  else
    print("nobody is trusted yet: alua keys trust FILE.pub (" .. directory .. ")")
  end
  return 0
end

-- ---- rotate --------------------------------------------------------------------

function actions.rotate(host, given, rest)
  if not rest[1] or rest[2] then return 2, "one name: alua keys rotate ana" end
  local broker = given.broker or host.default_broker()
  local missing = join.missing(host, broker)
  if missing then return 1, missing end
  return rotate(host, { broker = broker, broker_key = given.broker_key }, (place(given, rest[1]):gsub("%.key$", "")))
end

-- --------------------------------------------------------------------------------

function keys.run(host, given, rest)
  local word = table.remove(rest, 1)
  if not word then return 2, "what with them? new, trust, revoke, list or rotate" end
  local action = actions[word]
  if action then return action(host, given, rest) end
  local near = nearest(word, { "new", "trust", "revoke", "list", "rotate" })
  return 2, ("there is no 'alua keys %s'%s"):format(word, near and "; did you mean '" .. near .. "'?" or "")
end

return keys
