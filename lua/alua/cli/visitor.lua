--- What `nodes`, `send` and `call` share: a short visit to a network that consumes no number.
local join = require "alua.cli.join"
local show = require "alua.cli.show"

local visitor = {}

--- Visit the network, ask one thing, print what came, leave.
---@param ask fun(core: table, resume: function): any, any? Starts the request; nil, err when it cannot.
---@param print_results fun(...): nil
---@return integer status, string? message
function visitor.visit(host, given, what, ask, print_results)
  local core, why = join.open(host, given, { visitor = true })
  if not core then return 1, why end
  local results = table.pack(core.await(function(resume) return ask(core, resume) end, what))
  local err = results[2]
  local failed = results[1] == nil and core.iserror(err)
  if failed then
    io.stderr:write("alua: ", tostring(err), "\n")
    if type(err.traceback) == "string" then io.stderr:write(err.traceback, "\n") end
  else
    print_results(table.unpack(results, 1, results.n))
  end
  core.finish(0, 2)
  return failed and 1 or 0
end

local INTERRUPTED = 130 -- As a shell tells it

--- Visit the network, do what may wait, and end the process. A signal ends it in order, too: the broker knows at once
--- that nobody waits any longer.
---@param body fun(core: table): integer?, any? An exit status; nil and an error when it failed.
---@return integer status, string message When there is no network; else it does not return.
function visitor.stay(host, given, body)
  local core, why = join.open(host, given, { visitor = true })
  if not core then return 1, why end
  core.signals()
  core.task(function()
    local ok, status, err = pcall(body, core)
    if not ok then status, err = nil, status end
    if status == nil then io.stderr:write("alua: ", tostring(err), "\n") end
    core.exit(status or 1)
  end)
  core.serve()
  core.exit(INTERRUPTED)
  return INTERRUPTED, ""
end

--- A line for each result.
function visitor.print_all(...)
  for i = 1, select("#", ...) do print(show.value((select(i, ...)))) end
end

return visitor
