-- da_hello.lua PORT - DALua's first program: print by a send to oneself, and end by another
require("dalua")

function init(event, status, how)
   print(event, status, how)
   dalua.send(dalua.self(), "print", "Hello World!", 1.5, true)
   dalua.send(dalua.self(), "dalua.exit")
end

dalua.events.monitor("dalua_init", init)
dalua.init("127.0.0.1", ...)
dalua.loop()
