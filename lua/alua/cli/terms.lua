--- What a template on a command line may have in it: the terms of luats; `_` is any, `...` the rest.
local template = require "luats.template"

local terms = { _ = template.any, ["..."] = template.rest }
for name, term in pairs(template) do terms[name] = term end

return terms
