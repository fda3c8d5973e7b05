What must not be there, and what must not be changed for others.

--## C59a what is absent -> ok
for _, name in ipairs { "io", "debug", "package", "require", "dofile", "loadfile", "loadstring", "print", "warn", "module",
                        "setfenv", "getfenv", "newproxy", "arg", "alua", "jit", "ffi", "bit32", "unpack" } do
  if _G[name] ~= nil then return name end
end
for _, name in ipairs { "execute", "getenv", "exit", "remove", "rename", "tmpname", "setlocale" } do
  if os[name] ~= nil then return name end
end
return true
--## C59b a walk over everything that can be reached finds the allow-list and nothing else -> ok
local allowed = {}
for name, list in pairs {
  [""] = "_VERSION assert collectgarbage error getmetatable ipairs load next pairs pcall rawequal rawget rawlen rawset "
    .. "select setmetatable term tonumber tostring type xpcall echo fail",
  ["string."] = "byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper",
  ["table."] = "concat insert move pack remove sort unpack",
  ["math."] = "abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger modf pi rad random "
    .. "randomseed sin sqrt tan tointeger type ult",
  ["utf8."] = "char charpattern codepoint codes len offset",
  ["coroutine."] = "close create isyieldable resume running status wrap yield",
  ["os."] = "clock date difftime time",
} do
  for word in list:gmatch("%S+") do allowed[name .. word] = true end
end
local missing = {}
for name in pairs(allowed) do
  local library, field = name:match("^(.-)%.?([^.]+)$")
  local value = library == "" and _G[field] or library ~= "" and _G[library] and _G[library][field]
  if value == nil then missing[#missing + 1] = name end
end
if #missing > 0 then return "missing: " .. table.concat(missing, " ") end
local seen, extra = {}, {}
local function walk(t, prefix)
  if seen[t] then return end
  seen[t] = true
  if getmetatable(t) then walk({ m = getmetatable(t) }, prefix .. "<metatable>.") end
  for k, v in next, t do
    local name = prefix .. tostring(k)
    if type(v) == "table" then
      if v ~= _G then walk(v, name .. ".") end
    elseif not allowed[name] then
      extra[#extra + 1] = name .. ": " .. type(v)
    end
  end
end
local g = {}
for k, v in next, _G do g[k] = v end
walk(g, "")
if #extra > 0 then return table.concat(extra, ", ") end
return true
--## C59c metatables that are hidden -> ok
return not getmetatable("") and not getmetatable(_G) and getmetatable(1) == nil and getmetatable(print) == nil
  and getmetatable(coroutine.running()) == nil and not pcall(setmetatable, _G, {})
--## C60a writing to everything -> ok
string.format = function() return "mine" end
math.pi = 3
table.concat = nil
_G.pairs = nil
_G.x, string.x = 1, 1
local ok = pcall(function() getmetatable("").__index = {} end)
return not ok and ("%d"):format(7) == "7"
--## C60b and another run sees none of it -> ok
return string.format("%d", 7) == "7" and math.pi > 3.1 and table.concat { 1 } == "1" and pairs ~= nil and x == nil
  and string.x == nil and ("").x == nil
--## C61 the methods of strings cannot be replaced -> ok
local m = getmetatable("")
local ok = pcall(setmetatable, "", {})
return m == false and not ok and not pcall(rawset, "", "x", 1)
--## C62a rawset reaches only one's own -> ok
rawset(string, "upper", error)
rawset(_G, "next", 1)
return ("a"):upper() == "A" and next == 1
--## C62b games with _ENV -> ok
local real = _ENV
local function f() local _ENV <const> = { y = 5 } return y end
local g = load("return z", "x", "t", { z = 6 })
local h = load("return z", "x", "t", nil)
return f() == 5 and g() == 6 and not real.pcall(h)
--## C62c the text throws its own environment away -> ok
local type = type
_ENV = nil
return type(1) == "number"
--## C62d and has one in the next run -> ok
return type ~= nil and _G == _ENV
--## C62e load gives the globals of the run -> ok
q = 4
return load("return q, _ENV")() == 4 and select(2, load("return q, _ENV")()) == _ENV
--## C65a no addresses in texts -> ok
local t, f, co = {}, function() end, coroutine.create(function() end)
for _, v in ipairs { t, f, co, print or tostring, string, setmetatable({}, { __name = "mine" }) } do
  for _, s in ipairs { tostring(v), string.format("%s", v) } do
    if s:find("0x", 1, true) or s:find("%x%x%x%x%x%x") then return s end
  end
end
return tostring(t) == tostring(t) and tostring(t) ~= tostring({}) and not pcall(string.format, "%p", t)
  and not pcall(string.format, "%%%-20p", t)
--## C65b none in the texts of errors -> ok
local _, a = pcall(function() return {} + 1 end)
local _, b = pcall(function() return {} .. "x" end)
local _, c = pcall(table.concat, { {} })
local _, d = pcall(error, setmetatable({}, { __name = "X" }))
local _, e = pcall(string.rep, {})
for _, s in ipairs { a, b, c, tostring(d), e } do
  if s:find("0x", 1, true) then return s end
end
return true
--## C65c none from the seed -> ok
return select("#", math.randomseed()) == 0 and math.random() ~= math.random()
--## C66 the clock has steps of a millisecond -> ok
local a = os.clock()
local b repeat b = os.clock() until b ~= a
return b - a >= 0.00099 and os.clock() * 1000 % 1 < 1e-6 or (os.clock() * 1000) % 1 > 1 - 1e-6
--## C67a dates are UTC and read no file -> ok
return os.date("!%c", 0) == os.date("%c", 0) and os.date("%Z", 0) == "UTC" and os.time() > 1e9
  and not pcall(os.date, "%Ez", 0) and not pcall(os.date, "*t", 1e300)
--## C67b no file names in errors but the text's own -> ok
local _, e = pcall(error, "x", 1)
local _, f = pcall(string.rep)
return not tostring(e):find("/", 1, true) and not f:find("/", 1, true)
