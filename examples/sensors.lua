-- sensors.lua - retained values: who comes late still knows how warm it is
--
--     ./run examples/sensors.lua
--
-- Three sensors publish their temperature, and only then somebody subscribes: each topic's last value is there at once. A
-- filter, evaluated in the broker, lets only what is too warm through.

for i, where in ipairs { "hall", "attic", "cellar" } do
  luaps.publish(("sensors.%s.temperature"):format(where), 15 + 5 * i, { retain = true })
  luaps.publish(("sensors.%s.humidity"):format(where), 40 + i, { retain = true })
end

local seen = 0
local all <close> = luaps.subscribe "sensors.*.temperature"
for msg in all:messages { timeout = 1 } do
  print(("%s: %d degrees%s"):format(msg.topic, msg.value, msg.retained and " (retained)" or ""))
  seen = seen + 1
  if seen == 3 then break end
end

local alarm <close> = luaps.subscribe("sensors.*.temperature", nil, { filter = "value >= 30" })
assert(alarm:next({ timeout = 1 }).topic == "sensors.cellar.temperature") -- It is warm there already
luaps.publish("sensors.hall.temperature", 25, { retain = true })
luaps.publish("sensors.attic.temperature", 35, { retain = true })
local msg = alarm:next { timeout = 1 }
print(("ALARM %s: %d degrees"):format(msg.topic, msg.value))
