-- Apps, events and sends of dalua, by what is raised. Prints what came, in order.
local function log(event, ...)
  local texts = table.pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  print(alua.rank, (event:gsub("^dalua_", "")), table.concat(texts, " "))
end

for _, event in ipairs { "init", "loop", "app_init", "app_create", "app_join", "app_leave", "app_destroy", "app_fail" } do
  dalua.events.monitor("dalua_" .. event, log)
end

local step = {}

function step.alone()
  dalua.app.init()
  dalua.app.leave("none")
  dalua.app.destroy("none")
  dalua.app.create("one")
  dalua.app.create("one")
  dalua.app.join("one")
  alua.sleep(0.1)
  dalua.app.leave("one")                    -- All in one go: the last word counts
  dalua.app.leave("one")
  dalua.app.join("one")
  dalua.app.join("two")
  dalua.app.leave("two")
  alua.sleep(0.1)
  print(table.concat(dalua.app.applications(), " "))
end

function step.versions()
  local core = require "alua.core"
  local id = next(alua.spawn("function look() return select(2, require('alua.core').members('v')) end").processes)
  for _ = 1, 3 do
    alua.eval(id, "dalua.app.join('v') alua.sleep(0.02) dalua.app.leave('v') alua.sleep(0.02)")
  end
  dalua.app.join("v")
  alua.sleep(0.05)
  alua.eval(id, "return dalua.processes('v')")
  print("versions", select(2, core.members("v")) == alua.eval(id, "return look()"), #dalua.processes("v"))
end

function step.destroy()
  dalua.app.join("all")
  while #dalua.processes("all") < alua.size do alua.sleep(0.01) end
  alua.sleep(0.1)
  dalua.events.ignore("dalua_app_join")
  if alua.rank == 1 then dalua.app.destroy("all") end
end

function step.start() end                   -- What is raised by the start itself

step[arg[1]]()
