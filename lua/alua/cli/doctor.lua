--- alua doctor: what is wrong with this set-up, and the fix.
--
-- Here what this machine has (files, rights); what the network says is in doctor_network. Each check appends
-- lines { check =, ok =, text =, fix = }.
local config = require "alua.cli.config"
local nearest = require "alua.nearest"
local network = require "alua.cli.doctor_network"
local show = require "alua.cli.show"

local doctor = { any_config = true } -- A broken one is a finding

doctor.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--trust", "trust", "name" }, { "--policy", "policy", "name" }, { "--json", "json", "flag" },
}

local FEW_DESCRIPTORS = 1024

local Report = {}
Report.__index = Report

function Report:ok(check, text)
  table.insert(self, { check = check, ok = true, text = text })
end

function Report:problem(check, text, fix)
  table.insert(self, { check = check, ok = false, text = text, fix = fix })
end

-- ---- The runtime directory ---------------------------------------------------------

local function others_may(mode, what)
  return tonumber(mode, 8) & what ~= 0
end

-- A file or directory of the user's own, closed to others: true, or the problem is noted.
local function own(host, report, check, path, mode)
  local file, why = host.doctor.file(path)
  if not file then
    report:problem(check, path .. ": " .. why, "give its place to yourself: is the directory above it there?")
  elseif not file.mine then
    report:problem(check, path .. " belongs to another user", "remove it, or: chown $(id -u) " .. path)
  elseif others_may(file.mode, 63) then
    report:problem(check, path .. " is open to others (" .. file.mode .. ")", "chmod " .. mode .. " " .. path)
  else
    return true
  end
end

local function check_runtime(host, report)
  local base = os.getenv "XDG_RUNTIME_DIR"
  local found, directory = pcall(host.directory)
  local wanted = base and base:sub(1, 1) == "/" and base .. "/alua" or directory
  if not found then
    return report:problem("runtime", tostring(directory), "chmod 700 the one that is yours, or set XDG_RUNTIME_DIR")
  elseif directory ~= wanted and own(host, report, "runtime", wanted, "700") then
    report:problem("runtime", "not " .. wanted .. " but " .. directory .. " is used", "chmod 700 " .. base)
  end
  if directory ~= wanted then return end
  if own(host, report, "runtime", directory, "700") then report:ok("runtime", directory) end
  local token = directory .. "/token"
  if not host.doctor.file(token) then return report:ok("token", "none yet: the first broker makes it") end
  if own(host, report, "token", token, "600") then report:ok("token", token) end
end

-- ---- Key files -----------------------------------------------------------------

local function check_key(host, report, given)
  local path = given.key or os.getenv "ALUA_KEY"
  if not path or path == "" then return report:ok("key", "none: brokers of this machine need none") end
  local name, key = host.keys.load(path, true)
  if not name then
    local file = host.doctor.file(path)
    return report:problem("key", key, file and "as it says; or make another pair: alua keys new NAME"
      or "make a pair: alua keys new NAME")
  end
  report:ok("key", ("%s is %s (%s)"):format(path, name, key))
  local public = path:gsub("%.key$", "") .. ".pub"
  local pub_name, pub_key = host.keys.load(public, false)
  if pub_name and pub_key ~= key then
    report:problem("key", public .. " is not the public half of " .. path .. ": whoever trusts it trusts another key",
      "find the right one, or make another pair: alua keys new NAME")
  elseif pub_name then
    report:ok("key", public .. " belongs to it")
  end
end

local function check_broker_key(host, report, given)
  local text = given.broker_key or os.getenv "ALUA_BROKER_KEY"
  if not text or text == "" then return end
  if #text == 40 and not host.doctor.file(text) then return report:ok("broker-key", text) end
  local name, key = host.keys.load(text, false)
  if name then return report:ok("broker-key", ("%s is %s (%s)"):format(text, name, key)) end
  report:problem("broker-key", key, "get the broker's .pub file from its host")
end

-- ---- Trust store and policy --------------------------------------------------------

-- The trusted ones, when they can be read.
local function check_trust(host, report, given)
  local directory = given.trust or host.keys.directory()
  if not directory then
    return report:problem("trust", "no home directory, so no trust store", "set HOME, ALUA_TRUST, or say --trust DIR")
  end
  if not host.doctor.file(directory) then
    report:ok("trust", "nobody is trusted yet (" .. directory .. ")")
    return {}
  end
  local list, why = host.keys.list(directory)
  if not list then
    report:problem("trust", why, why:find "chmod" and why:match "chmod.*" or "remove or replace that file")
    return
  end
  local trusted, revoked = {}, 0
  for _, entry in ipairs(list) do
    if entry.revoked then revoked = revoked + 1 else table.insert(trusted, entry) end
  end
  report:ok("trust", ("%s: %d trusted, %d revoked"):format(directory, #trusted, revoked))
  return trusted
end

-- Whether somebody is trusted by this name or key; if not, who may be meant.
local function is_trusted(trusted, word)
  local names = {}
  for i, entry in ipairs(trusted) do
    if entry.name == word or entry.key == word then return true end
    names[i] = entry.name
  end
  return false, nearest(word, names)
end

local function read_file(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text, problem = file:read "a"
  file:close()
  return text, problem
end

local function check_policy(host, report, given, trusted)
  local path = given.policy
  if not path then return end
  local text, why = read_file(path)
  if not text then return report:problem("policy", why, "the path of the file that the broker has with --policy") end
  local names, wrong = host.doctor.policy(text)
  if not names then
    return report:problem("policy", path .. ":" .. wrong, "mend that line: the broker keeps the rights as they were")
  end
  local before = #report
  for _, name in ipairs(trusted and names or {}) do
    local known, near = is_trusted(trusted, name)
    if not known then
      report:problem("policy", ("%s names '%s', whom nobody trusts here"):format(path, name),
        near and "write '" .. near .. "', if that is meant" or "alua keys trust " .. name .. ".pub, or strike it out")
    end
  end
  if #report == before then report:ok("policy", path) end
end

-- ---- The rest ------------------------------------------------------------------

local function check_config(host, report, given)
  local values, why = config.load(host, given)
  if values then return report:ok("config", next(values) and "can be read" or "no file, or an empty one") end
  report:problem("config", why, "mend it, or move it away")
end

local function check_descriptors(host, report)
  local count = host.doctor.descriptors()
  if count < FEW_DESCRIPTORS then
    return report:problem("files", ("only %d open files: a broker takes two for each node, a node as many for each peer")
      :format(count), "ulimit -n 65536 (in a systemd unit: LimitNOFILE=65536)")
  end
  report:ok("files", ("%d open files"):format(count))
end

local function print_lines(report)
  for _, line in ipairs(report) do
    print(("%-8s %-10s %s"):format(line.ok and "ok" or "problem", line.check, line.text))
    if line.fix then print((" "):rep(20) .. "fix: " .. line.fix) end
  end
end

function doctor.run(host, given, rest)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'?" end
  local report = setmetatable({}, Report)
  check_runtime(host, report)
  check_config(host, report, given)
  check_key(host, report, given)
  check_broker_key(host, report, given)
  local trusted = check_trust(host, report, given)
  check_policy(host, report, given, trusted)
  check_descriptors(host, report)
  network.check(host, report, given)
  if given.json then print(show.json(setmetatable(report, nil))) else print_lines(report) end
  for _, line in ipairs(report) do
    if not line.ok then return 1 end
  end
  return 0
end

return doctor
