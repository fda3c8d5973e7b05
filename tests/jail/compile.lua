The compiler, which nothing interrupts.

--## C50a thirty thousand elseif -> timeout|ok
return load("local x if x then " .. ("elseif x then "):rep(30000) .. "end") ~= nil
--## C50b thirty thousand or -> timeout|ok|remote
return load("local x return x" .. (" or x"):rep(30000)) ~= nil
--## C51a a hundred thousand parentheses -> ok
local f, e = load("return " .. ("("):rep(100000))
return f == nil and e:find("overflow", 1, true) ~= nil
--## C51b a hundred thousand braces -> ok
return load("return " .. ("{"):rep(100000)) == nil
--## C51c a hundred thousand nots -> ok
return load("return " .. ("not "):rep(100000) .. "1") == nil
--## C51d functions in functions -> ok
return load(("function f() "):rep(10000) .. ("end "):rep(10000)) == nil
--## C51e a concatenation of a hundred thousand -> ok
return load("return " .. ("1 .. "):rep(100000) .. "1") == nil
--## C52a sixty thousand labels -> timeout|ok|no_memory
local t = {}
for i = 1, 60000 do t[i] = "::l" .. i .. "::" end
local f, e = load(table.concat(t, " "))
return f ~= nil or e:find("overflow", 1, true) ~= nil or e:find("too many", 1, true) ~= nil
--## C52b a hundred thousand globals -> timeout|ok|no_memory
local t = {}
for i = 1, 100000 do t[i] = "g" .. i .. "=1" end
local s = table.concat(t, " ")
return load(s) ~= nil or #s > 1024 * 1024
--## C52c more locals than there may be -> ok
return load("local " .. ("a,"):rep(200) .. "a") == nil
--## C52d more upvalues than there may be -> ok
local t = {}
for i = 1, 150 do t[i] = "local a" .. i .. " = 1" end
local text = { table.concat(t, "\n"), "return function()" }
for i = 151, 300 do text[#text + 1] = "local a" .. i end
text[#text + 1] = "return function() return 1"
for i = 1, 300 do text[#text + 1] = "+ a" .. i end
text[#text + 1] = "end end"
return load(table.concat(text, " ")) == nil
--## C52e one line of almost a megabyte -> ok
return load("return '" .. ("x"):rep(1000000) .. "'") ~= nil
--## C52f a number of a million digits -> ok
return load("return " .. ("9"):rep(1000000)) ~= nil
--## C53 longer than a text may be -> ok
local f, e = load((" "):rep(1024 * 1024 + 1))
return f == nil and e == "the text is too long"
--## C54 load takes no reader -> ok
return not pcall(load, function() return "x " end)
--## C55 bytecode as source -> ok
local f, e = load("\27Lua\x54\0\x19\x93\r\n\x1a\n\4\x08\x08")
return f == nil and e:find("binary", 1, true) ~= nil
--## C56 load of binary by its mode -> ok
return load("\27Lua", "x", "b") == nil and load("return 1", "x", "b") == nil and load("\27Lua", "x", "bt") == nil
  and load("return 1", "x", "bt")() == 1
--## C57 no dump -> ok
return string.dump == nil and ("").dump == nil and not pcall(function() return ("x"):dump() end)
--## C58 mutated bytecode is refused, all of it -> ok
local head = "\27Lua\x54\0\x19\x93\r\n\x1a\n\4\x08\x08\x78\x56\0\0\0\0\0\0\0\0\0\0\0\x28\x77\x40"
for i = 1, 10000 do
  local at = i % #head + 1
  local s = head:sub(1, at - 1) .. string.char(i * 31 % 256) .. head:sub(at + 1) .. ("\0"):rep(50)
  local f = at > 1 and load(s)
  if f then return false end
end
return true
--## C55c the text itself is bytecode -> syntax
LuaT not a text at all
