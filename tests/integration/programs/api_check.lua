-- What the api_*.lua programs have in common: cases that run one by one, wherever an event can run.
--
--     local check = dofile((arg[0]:gsub("[^/]*$", "api_check.lua")))
--     check.case("it adds", function() check.same(3, 1 + 2) end)
--     check.over(...)                          -- ... holds the context: main, chunk, call, callback, timer, spawned
--
-- Prints a line for each case that failed, and last "N checked, N failed in CONTEXT".
local check = { cases = {} }

luarpc = require "luarpc"

function check.case(name, f)
  check.cases[#check.cases + 1] = { name = name, f = f }
end

local function text_of(value)
  local plain, text = pcall(alua.tostring, value)
  return plain and text or tostring(value)
end

local function show(...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = text_of(parts[i]) end
  return "(" .. table.concat(parts, ", ") .. ")"
end

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" or luarpc.iserror(a) then return a == b or a ~= a and b ~= b end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- The first argument is what the others must be; a table.pack of several.
function check.same(expected, ...)
  local got = table.pack(...)
  if type(expected) ~= "table" or expected.n == nil then expected = table.pack(expected) end
  if not equal(expected, got) then
    error(show(table.unpack(expected, 1, expected.n)) .. " expected, got " .. show(...), 2)
  end
end

function check.matches(pattern, text)
  if not tostring(text):find(pattern) then error(pattern .. " expected, got " .. tostring(text), 2) end
end

-- f(...) raises something like this, at the line that calls it.
function check.raises(pattern, f, ...)
  local ok, err = pcall(f, ...)
  if ok then error("no error was raised: " .. pattern, 2) end
  if not tostring(err):find(pattern) then error(pattern .. " expected, got " .. tostring(err), 2) end
end

-- A spawned process that runs this code; its id.
function check.helper(code)
  local id = next(alua.spawn(1).processes)
  assert(select(2, alua.eval(id, code or "")) == nil)
  return id
end

function check.eventually(condition)
  local deadline = alua.now() + 10
  while not condition() do
    if alua.now() > deadline then error("it did not come to pass", 2) end
    alua.sleep(0.005)
  end
end

local function run_all(context)
  local failed = 0
  for _, case in ipairs(check.cases) do
    local ok, err = xpcall(case.f, debug.traceback)
    if not ok then
      failed = failed + 1
      print("FAILED " .. case.name .. ": " .. tostring(err))
    end
  end
  print(("%d checked, %d failed in %s"):format(#check.cases, failed, context))
  io.stdout:flush()
end

-- Run the cases in this context, and wait for their end.
local contexts = {
  main = run_all,
  chunk = function() return alua.eval(alua.id, "run_all 'chunk'") end,
  call = function() return luarpc.sync(alua.id, "run_all")("call") end,
  callback = function()
    local done
    luarpc.async(alua.id, "tostring", function(_, _) run_all("callback") done = true end)(1)
    check.eventually(function() return done end)
  end,
  timer = function()
    local done
    alua.timer.create(0.001, function(t) t:cancel() run_all("timer") done = true end)
    check.eventually(function() return done end)
  end,
  spawned = function()
    local id = next(alua.spawn(1).processes)
    return alua.eval(id, "arg = { [0] = ... } dofile(arg[0])", arg[0])
  end,
}

function check.over(...)
  _G.run_all = run_all
  local list = { ... }
  if #list == 0 then list = { "main" } end
  for _, context in ipairs(list) do
    local _, err = contexts[context](context)
    if err then print("FAILED " .. context .. ": " .. err) end
  end
end

if not alua.id then assert(alua.open { port = 0 }.status == "ok") end

return check
