--- The known word that somebody meant who wrote another one.

local _ENV = require("alua.env").std

-- How many letters were left out, added, changed, or swapped with the next (optimal string alignment).
local function distance(a, b)
  local rows = { [0] = {} }
  for j = 0, #b do rows[0][j] = j end
  for i = 1, #a do
    local row, above, before = { [0] = i }, rows[i - 1], rows[i - 2]
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same and 0 or 1))
      local swapped = before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
      if swapped then row[j] = math.min(row[j], before[j - 2] + 1) end
    end
    rows[i] = row
  end
  return rows[#a][#b]
end

--- The nearest of `words`, if one is near enough to be meant: a third of its letters may differ.
---@param word string
---@param words string[]
---@return string?
return function(word, words)
  local best, least = nil, math.huge
  for _, known in ipairs(words) do
    local far = distance(word:lower(), known:lower())
    if far < least and far <= math.max(1, #known // 3) then best, least = known, far end
  end
  return best
end
