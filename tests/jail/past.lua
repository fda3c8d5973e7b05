Scripts of known bugs of Lua 5.4 and of other programs' sandboxes, as far as they are text. The wall is the
process: some of these kill an old Lua, and then must kill nothing but the worker.

--## P01 overflow of the stack by a lua_settop in close (5.4.0-5.4.2) -> ok|remote|gone|no_memory
local function loop(n)
  if n < 4000 then
    local a <close> = setmetatable({}, { __close = function() end })
    return loop(n + 1)
  end
  return true
end
return pcall(loop, 1) ~= nil
--## P02 error in a coroutine.close while closing (5.4.4) -> ok|remote|gone
local co = coroutine.wrap(function()
  local x <close> = setmetatable({}, { __close = function() error("one") end })
  local y <close> = setmetatable({}, { __close = function() error("two") end })
  error("three")
end)
return not pcall(co)
--## P03 use after free in table assignment with a collecting __newindex -> ok|gone
local t = setmetatable({}, { __newindex = function(self, k, v) collectgarbage() rawset(self, k, v) end })
for i = 1, 200 do t["k" .. i] = ("v"):rep(i) end
return t.k200 == ("v"):rep(200)
--## P04 unpack with a range that overflows (CVE-2025-46817) -> ok
return not pcall(table.unpack, {}, 0, math.maxinteger) and not pcall(table.unpack, {}, math.mininteger, math.maxinteger)
  and not pcall(table.unpack, {}, -0x7fffffff, 0x7fffffff)
--## P05 the parser and the name of its chunk (CVE-2025-49844) -> ok
local function f() return load(("x = 1 "):rep(100), ("n"):rep(100000)) end
for _ = 1, 20 do collectgarbage() f() end
return f() ~= nil
--## P06 a metatable of a basic type (CVE-2025-46818) -> ok
return not pcall(function() getmetatable("").__index = function() return "stolen" end end) and ("").x == nil
  and not getmetatable(1) and not getmetatable(nil) and not getmetatable(true)
--## P07 package left reachable (CVE-2022-0543) -> ok
return package == nil and load("return package")() == nil
--## P08 long brackets that do not end (CVE-2025-46819) -> ok
for level = 0, 100 do
  local open = "[" .. ("="):rep(level) .. "["
  if load("return " .. open) or load("return " .. open .. ("="):rep(10000)) or load("--" .. open) then return level end
end
return true
--## P09 a bit operation's buffer (CVE-2024-31449 is in its library; ours has operators) -> ok
local ok = pcall(function() return 1 << "x" end)
return not ok and not pcall(function() return "10" & 3 end) and "10" + 3 == 13
--## P10 goto into the scope of a to-be-closed variable -> ok
return load("goto l; local x <close> = nil; ::l:: return x") == nil
--## P11 a closed upvalue in a deep recursion of __close -> ok|remote|gone|no_memory
local function nest(n)
  local x <close> = setmetatable({}, { __close = function() if n > 0 then nest(n - 1) end end })
end
return pcall(nest, 190) ~= nil
--## P12 gsub whose replacement collects -> ok
local n = 0
local s = ("x"):rep(1000):gsub("x", function() n = n + 1 if n % 100 == 0 then collectgarbage() end return ("y"):rep(10) end)
return #s == 10000
--## P13 string.packsize that overflows its sum -> ok
return not pcall(string.packsize, "c2147483640c8") and not pcall(string.packsize, "i16c2147483647")
--## P14 gmatch whose string goes away -> ok
local go = (("a,"):rep(1000)):gmatch("([^,]*),")
collectgarbage()
local n = 0
for _ in go do n = n + 1 collectgarbage("collect") if n > 20 then break end end
return n == 21
--## P15 negation and comparison of what has no order -> ok
return not pcall(function() return {} < {} end) and not pcall(function() return -{} end) and not pcall(function() return #1 end)
--## P16 concat of numbers that fill the buffer -> ok
local t = {}
for i = 1, 1000 do t[i] = 1e308 * (i % 2 == 0 and 1 or -1) end
return #table.concat(t, ",") > 5000
--## P17 varargs by the hundred thousand -> ok|remote|no_memory
local function f(...) return select("#", ...) end
local t = {}
for i = 1, 150000 do t[i] = i end
return f(table.unpack(t)) == 150000
--## P18 a hundred thousand varargs through pcall and coroutines -> ok|remote|no_memory
local t = {}
for i = 1, 100000 do t[i] = i end
return select("#", pcall(table.unpack, t)) == 100001
  and select("#", coroutine.wrap(function(...) return ... end)(table.unpack(t))) == 100000
