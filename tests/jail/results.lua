What comes out is packed with raw access, bounded, and looked at again.

--## C64a a cycle -> too_deep
local t = {}
t.t = t
return t
--## C64b a depth of ten thousand -> too_deep
local t = {}
for _ = 1, 10000 do t = { t } end
return t
--## C64c a function -> unsendable
return type
--## C64d a coroutine -> unsendable
return { coroutine.running() }
--## C64e hooks are not asked -> ok
local t = setmetatable({}, { __pairs = error, __index = error, __len = error, __pack = error })
return echo(t) ~= nil and not getmetatable(echo(t))
--## C64f ten megabytes -> too_big
return ("x"):rep(10 * 1024 * 1024)
--## C64g numbers that are none -> ok
local nan, inf, minus, zero = echo(0 / 0, 1 / 0, -1 / 0, -0.0)
return nan ~= nan and inf == 1 / 0 and minus == -1 / 0 and 1 / zero == -1 / 0
--## C64h bytes that are no text -> ok
local all = {}
for i = 0, 255 do all[i + 1] = string.char(i) end
local s = table.concat(all)
return echo(s) == s
--## C64i a table that doubles at each level -> too_big
local t = {}
for _ = 1, 50 do t = { t, t } end
return t
--## C64j as many results as there can be -> too_big|remote
local t = {}
for i = 1, 270000 do t[i] = 1 end
return table.unpack(t)
--## C64k a list with one hole far away -> ok
local t = echo({ 1, 2, [1000000] = 3 })
return t[1000000] == 3 and #echo({ 1, 2, 3 }) == 3
--## C64l a key that is a table -> unsendable
return { [{}] = 1 }
--## C64m an integer is no float -> ok
local i, f, big = echo(1, 1.0, math.mininteger)
return math.type(i) == "integer" and math.type(f) == "float" and big == math.mininteger
--## C64n code is code again -> ok
local c = code "return 1"
local back = echo({ c, { c } })
assert(tostring(back[1]) == "return 1" and tostring(back[2][1]) == "return 1" and not getmetatable(back[1]))
return not pcall(code) and not pcall(code, 1) and not pcall(setmetatable, c, {}) and type(back[1]) == "table"
--## C64o code that lost its text -> unsendable
local c = code "return 1"
c[1] = nil
return tostring(c) ~= nil and c
--## C64p more code than a message -> too_big
return code(("x"):rep(10 * 1024 * 1024))
