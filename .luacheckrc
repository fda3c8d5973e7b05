std = "lua54"
max_line_length = 110
cache = false
-- What the modules are called where no require is needed: under alua run, in the console, in chunks.
read_globals = {}
files["lua/"] = {}
files["tests/spec/"] = { std = "+busted" }
files["examples/"] = {
  -- Programs in the style of the talk: globals are what other processes call.
  allow_defined_top = true,
  read_globals = { "alua", "dalua", "ad", "luarpc", "luats", "luaps" },
}
