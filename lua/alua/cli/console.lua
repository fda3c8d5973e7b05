--- alua console: a Lua prompt that is a process of the network.
--
-- Each complete input runs as an event, so it may wait; meanwhile, and while the prompt waits for a line,
-- other events run. Ctrl-C stops what runs, or leaves what waits to itself, or drops the line begun.
local join = require "alua.cli.join"
local show = require "alua.cli.show"

local console = {}

console.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--name", "name", "name" }, { "--app", "app", "name" },
}

local NAME = "=stdin"

-- An input that is right so far: the message ends where the text does.
local function incomplete(message)
  return message:sub(-5) == "<eof>"
end

--- What an input is: a function, "more" (lines must follow), or nil and why not.
function console.compile(text)
  local chunk = load("return " .. text:gsub("^%s*=", ""), NAME, "t")
  if chunk then return chunk end
  local why
  chunk, why = load(text, NAME, "t")
  if chunk then return chunk end
  if incomplete(why) then return "more" end
  return nil, why
end

local function print_results(...)
  local n = select("#", ...)
  if n == 0 then return end
  local texts = {}
  for i = 1, n do texts[i] = show.value((select(i, ...))) end
  print(table.concat(texts, "\t"))
end

local function print_error(err)
  if type(err) ~= "string" and not (type(err) == "table" and getmetatable(err)) then err = show.value(err) end
  io.stderr:write(tostring(err), "\n")
end

local Console = {}
Console.__index = Console

function Console:turn()
  local what = self.edit.wait(self.core.fd(), self.core.timeout())
  if what == "end" then self.core.exit(0) end
  if what == "net" or what == "time" then
    self.core.step(0)
    self.edit.show()
  end
  return what
end

-- The prompt, and the next line; nil at the end of the input; false when it was dropped.
function Console:read(more)
  self.edit.prompt(more and ">> " or self.id .. "> ")
  while true do
    local what = self:turn()
    if what == "line" then
      local line = self.edit.line()
      if line and #line > 0 then self.edit.remember(line) end
      return line
    elseif what == "break" then
      self.edit.drop()
      print()
      return false
    end
  end
end

-- A whole input: lines are added until it is complete. Then a function, or nil and why not.
function Console:input()
  local text
  repeat
    local line = self:read(text)
    if line == false then return false end
    if line == nil and text == nil then return nil end
    if line == nil then return false, "the input ended within a statement" end
    text = text and text .. "\n" .. line or line
    local chunk, why = console.compile(text)
    if chunk ~= "more" then return chunk or false, why end
  until false
end

-- Of the input, without what is ours.
local function with_traceback(err)
  if type(err) ~= "string" then return err end
  return (debug.traceback(err, 2):gsub("\n\t%[C%]: in [^\n]*\n\t[^\n]*cli/console%.lua:.*", ""))
end

function Console:execute(chunk)
  local done = false
  self.core.task(function()
    -- However it ends: a stray yield returns to nobody
    local _ <close> = setmetatable({}, { __close = function() done = true end })
    local results = table.pack(self.edit.guard(with_traceback, chunk))
    if results[1] then print_results(table.unpack(results, 2, results.n)) else print_error(results[2]) end
  end)
  while not done do
    self.core.step(0)
    if not done and self:turn() == "break" then
      self.edit.guard()
      io.stderr:write("interrupted: what waits is left to itself\n")
      return
    end
  end
end

function Console:loop()
  while true do
    local chunk, why = self:input()
    if chunk == nil then return end
    if why then print_error(why) end
    if chunk then self:execute(chunk) end
  end
end

local function history()
  local home = os.getenv("HOME")
  return os.getenv("ALUA_HISTORY") or (home and home .. "/.alua_history") or nil
end

function console.run(host, given, rest)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'?" end
  local core, id = join.open(host, given, { name = given.name }, true)
  if not core then return 1, id end
  local self = setmetatable({ core = core, edit = host.edit, id = id }, Console)
  local terminal = host.edit.start(history())
  core.on("order", function(status) core.exit(status) end)
  join.app(core, given.app)
  core.main(function() end)
  if terminal then
    print(("alua %s, %s: process %s. Ctrl-D leaves."):format(host.version, _VERSION, id))
  end
  self:loop()
  if terminal then print() end
  host.edit.stop()
  core.exit(0)
end

return console
