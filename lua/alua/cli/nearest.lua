--- The known word that somebody meant who wrote another one.

-- Levenshtein's distance, one row at a time.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local corner = row[0]
    row[0] = i
    for j = 1, #b do
      local change = corner + (a:byte(i) == b:byte(j) and 0 or 1)
      corner = row[j]
      row[j] = math.min(change, row[j] + 1, row[j - 1] + 1)
    end
  end
  return row[#b]
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
