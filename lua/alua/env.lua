--- The standard library as our modules found it: a program that has a `type`, a `next` or a
--- `table.remove` of its own must not find them in here. Each module begins with
---
---     local _ENV = require("alua.env").std

local std = {}

for _, name in ipairs {
  "assert", "error", "getmetatable", "ipairs", "load", "next", "pairs", "pcall", "rawset", "require",
  "select", "setmetatable", "tonumber", "tostring", "type",
} do
  std[name] = _G[name]
end

for _, name in ipairs { "coroutine", "debug", "io", "math", "os", "string", "table" } do
  std[name] = {}
  for key, value in pairs(_G[name]) do std[name][key] = value end
end

local error, tostring = error, tostring

-- luacheck does not look through an _ENV: a name that is not in it is told when it is used.
setmetatable(std, { __index = function(_, name) error("no global " .. tostring(name), 2) end })

-- In a table of its own, or tracebacks would call the functions "alua.env.error".
return { std = std }
