-- Random tuples and templates, and what a template matches in the plainest words: test_match_random's other
-- opinion.
-- The words of test_match_lua.h (any, oneof, ...) are globals here.

local any, rest, var, where, is = _G.any, _G.rest, _G.var, _G.where, _G.is
local code, range, prefix, oneof = _G.code, _G.range, _G.prefix, _G.oneof
local random = math.random

math.randomseed(4711)

local function one_of(list) return list[random(#list)] end

-- Whether it is a term or code; which, if a word is given.
local function special(value, word)
  return type(value) == "table" and getmetatable(value) ~= nil and (not word or value.term == word)
end

local function plain(value) return type(value) == "table" and not special(value) end

-- The least border; # may find another one where an integer key stands alone.
local function count(t)
  local n = 0
  while t[n + 1] ~= nil do n = n + 1 end
  return n
end

-- ---- Matching --------------------------------------------------------------------------

local function same(a, b)
  if special(a) and special(b) then return a.code == b.code end
  if not (plain(a) and plain(b)) then return a == b end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local match

local terms = {}

function terms.any() return true end

function terms.type(self, value)
  local name, kind = self[1], math.type(value)
  if name == "int" then return kind == "integer" end
  if name == "float" then return kind == "float" end
  if name == "code" then return special(value) end
  return not special(value) and type(value) == name
end

function terms.range(self, value)
  local low, high = self[1], self[2]
  local number = type(value) == "number" and value == value
  return number and (not low or low <= value) and (not high or value <= high)
end

function terms.prefix(self, value) return type(value) == "string" and value:sub(1, #self[1]) == self[1] end

function terms.oneof(self, value, vars)
  for i = 1, self.n do if match(self[i], value, vars) then return true end end
  return false
end

function terms.var(self, value, vars)
  local name = self[1]
  if vars[name] == nil then
    vars[name] = value
    return true -- A NaN, too: it may stand once
  end
  return same(vars[name], value)
end

local function match_table(template, tuple, vars, wheres)
  local n, open, places = 0, false, count(template)
  for i = 1, places do
    local item = template[i]
    if special(item, "rest") then open = true
    elseif special(item, "where") then wheres[#wheres + 1] = item[1]
    else
      n = n + 1
      if tuple[n] == nil or not match(item, tuple[n], vars) then return false end
    end
  end
  if not open and tuple[n + 1] ~= nil then return false end
  for k, v in pairs(template) do
    local position = math.type(k) == "integer" and k >= 1 and k <= places
    if not position and (tuple[k] == nil or not match(v, tuple[k], vars)) then return false end
  end
  return true
end

function match(template, value, vars)
  if special(template) and template.term then return terms[template.term](template, value, vars) end
  if plain(template) then return plain(value) and match_table(template, value, vars, {}) end
  return same(template, value)
end

local function verdict(template, tuple)
  local wheres = {}
  if not match_table(template, tuple, {}, wheres) then return false end
  for _, text in ipairs(wheres) do
    local good, value = pcall(load("return " .. text, text, "t", { t = tuple, type = type }))
    if not (good and value) then return false end
  end
  return true
end

-- ---- Tuples ----------------------------------------------------------------------------

local scalars = {
  0, 1, 2, 3, -1, 40, 128, 300, 70000, -200, 1 << 40, math.maxinteger, math.mininteger, (1 << 53) + 1,
  2 ^ 53, 2 ^ 53 + 1, 2 ^ 63, 1.0, 2.5, -0.0, 1e300, math.huge, true, false,
  "", "a", "ab", "abc", "b", "1", "\xff", "\xc3\xa4", ("x"):rep(40), ("y"):rep(300),
}
local keys = { "x", "y", "z", "name", "", "\xff", ("k"):rep(35) }
local odd_keys = { true, false, 2.5, 0, -1, 7, 1 << 60, "x", 1e300 }

local value

local function table_of(depth, inner)
  local t = {}
  for i = 1, random(0, 4) do t[i] = value(depth) end
  if random(3) == 1 then for _ = 1, random(3) do t[one_of(keys)] = value(depth) end end
  if inner and random(4) == 1 then t[one_of(odd_keys)] = value(depth) end
  return t
end

function value(depth)
  local choice = random(20)
  if choice == 1 then return code("return 1") end
  if choice == 2 then return 0 / 0 end
  if choice <= 6 and depth > 0 then return table_of(depth - 1, true) end
  return one_of(scalars)
end

-- ---- Templates ---------------------------------------------------------------------------

local types = { "boolean", "number", "int", "float", "string", "table", "code", "nil" }
local template_of

-- Something that matches the value, mostly; inside: inside oneof, where there are no variables.
local function item_of(v, inside)
  local choice = random(24)
  if choice <= 5 then return any end
  if choice == 6 then return is(one_of(types)) end
  if choice == 7 and special(v) then return is "code" end
  if choice <= 8 and not special(v) then
    return is(math.type(v) == "integer" and "int" or math.type(v) or type(v))
  end
  if choice == 9 and type(v) == "number" and v == v then return range(v, random(2) == 1 and v + 1 or nil) end
  if choice == 10 then
    return range(one_of { 0, 1.5, -5, false } or nil, one_of { 10, 2.5, 1e300, false } or nil)
  end
  if choice == 11 and type(v) == "string" then return prefix(v:sub(1, random(0, #v))) end
  if choice == 12 then return prefix(one_of { "", "a", "x" }) end
  if choice == 13 then return oneof(one_of(scalars), item_of(v, true), one_of(scalars)) end
  if choice == 14 then
    local list = {}
    for i = 1, random(25) do list[i] = one_of(scalars) end
    return oneof(table.unpack(list))
  end
  if choice <= 17 and not inside then return var(one_of { "a", "b" }) end
  if choice == 18 then return one_of(scalars) end
  if choice == 19 then return value(1) end
  if plain(v) then return template_of(v, inside) end
  if type(v) == "number" and random(2) == 1 then return math.tointeger(v) or v + 0.0 end
  return v
end

-- Where a table is a template: no term stands at a key, and rest leaves no other integers.
function template_of(tuple, inside)
  local t, n = {}, count(tuple)
  local open = random(5) == 1
  local last = open and random(0, n) or n
  for i = 1, last do t[i] = item_of(tuple[i], inside) end
  for k, v in pairs(tuple) do
    if math.type(k) ~= "integer" and random(2) == 1 then t[k] = item_of(v, inside) end
  end
  if random(20) == 1 then t[one_of(keys)] = any end
  if random(20) == 1 then t[count(t) + 1] = any end
  if open then t[count(t) + 1] = rest end
  return t
end

local conditions = {
  "t[1] == t[2]", "#t > 1", "t.x", "t[1] > 1", "type(t[1]) == 'string'", "t[1] and t[2]", "not t.name",
}

-- A template, a tuple, and whether the one matches the other.
return function()
  local tuple = table_of(3)
  local template = template_of(random(4) == 1 and table_of(3) or tuple)
  if random(10) == 1 then table.insert(template, random(count(template) + 1), where(one_of(conditions))) end
  return template, tuple, verdict(template, tuple)
end
