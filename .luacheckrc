std = "lua54"
max_line_length = 110
cache = false

-- Programs, in the style of DALua: the modules are there, and globals are what other processes call.
local programs = {
  allow_defined_top = true,
  ignore = { "131" }, -- "unused": by this file
  max_line_length = 130,
  read_globals = {
    "alua", "ad", "luarpc", "luats", "luaps",
    dalua = { other_fields = true, fields = { timeout = { read_only = false } } },
  },
}
files["lua/"] = { ignore = { "211/_ENV" }, max_line_length = 125 } -- See lua/alua/env.lua
files["tests/spec/"] = { std = "+busted" }
files["examples/"] = programs
files["bench/"] = programs
files["tests/integration/"] = programs
files["tests/integration/programs/api_*.lua"] = { allow_defined = true } -- Globals that others call, set in each case
files["tests/integration/programs/six_*.lua"] = { ignore = { "142", "143", "122" } } -- So they are written
files["tests/integration/programs/da_*.lua"] = { ignore = { "142", "143" } }
files["tests/integration/programs/talk_*.lua"] = { ignore = { "142", "143", "212" } } -- table.getn of its own
files["tests/integration/programs/flood.lua"] = { ignore = { "122" } } -- dalua.timeout is there to be set
