--- The manual pages, one per verb: what `alua help VERB` prints.
local pages = {}

pages.usage = [==[
usage: alua run [OPTIONS] FILE [ARGS...]     run a program, on this machine, with a private broker
       alua broker [--listen ENDPOINT]       a broker of its own
       alua node --name NAME                 a process that waits for work
       alua console                          a Lua prompt that is a process of the network
       alua nodes                            who is in the network
       alua send NODE CHUNK                  run a chunk of Lua there
       alua call NODE FUNCTION [ARGS...]     call a function there
       alua help [VERB]                      the manual page of a verb
       alua --version
]==]

pages.alua = [==[
NAME
    alua - distributed programming for Lua 5.4

SYNOPSIS
    alua VERB [OPTIONS] [ARGUMENTS]

DESCRIPTION
    A program is a set of processes, each with a Lua state of its own, that
    send each other chunks of code, events and calls. They find each other
    through a broker and then talk directly. "alua run" needs nothing else: it
    brings its own broker and takes it away again.

    run         run a program in one or several processes
    broker      a broker that several programs and terminals share
    node        a process that stays and waits for work
    console     a Lua prompt that is a process of the network
    nodes       list who is there
    send        run a chunk of Lua on a node
    call        call a function of a node
    help VERB   the manual page of a verb

DEFAULTS
    Verbs that need a broker look for it in --broker, then in the environment
    variable ALUA_BROKER, then in the config file, then at the user's own ipc
    path, where "alua broker" listens when nothing else is said. An endpoint is
    tcp://ADDRESS:PORT (or just ADDRESS:PORT) or ipc://PATH (or just an
    absolute path). The config file $XDG_CONFIG_HOME/alua/config.lua
    (~/.config/alua/config.lua) holds lines such as

        broker = "127.0.0.1:6080"       -- for every verb; --broker private overrides it for "alua run"
        app = "myapp"                   -- for run, node and console
        timeout = 60                    -- seconds, for run, send and call
        label = false                   -- as --no-label

FILES
    $XDG_RUNTIME_DIR/alua (else /tmp/alua-UID), mode 0700: sockets, the user's
    token, a directory p-PID for each program that runs. What a killed program
    leaves there, the next one removes.

ENVIRONMENT
    ALUA_BROKER         which broker, see above; for alua.open, too
    ALUA_LISTEN         one more endpoint for nodes, such as tcp://127.0.0.1:*
    ALUA_ADVERTISE      what others are told instead of it
    ALUA_HOST           nodes with the same text here use each other's ipc paths
    ALUA_HISTORY        file for the lines of "alua console"
    ALUA                the program that plain lua5.4 starts for alua.spawn
    XDG_RUNTIME_DIR, XDG_CONFIG_HOME, HOME

EXIT STATUS
    0 success, 1 failure, 2 a command line that makes no sense; "alua run" has
    more.

EXAMPLES
    alua run examples/average.lua
    alua run -n 5 examples/mutex.lua
    alua broker &  alua node --name ana &  alua send ana 'print("hello from " .. alua.id)'
]==]

pages.run = [==[
NAME
    alua run - run a program in one or several processes

SYNOPSIS
    alua run [-n N] [--app NAME] [--name NODE] [--broker ENDPOINT] [--timeout S]
             [--keep | --end] [--no-label] FILE [ARGS...]

DESCRIPTION
    Starts N processes that run the same file, in a private network of their
    own: the broker lives inside this command, on a socket that only the user
    can reach, and goes with it. All join the app NAME; the file starts in each
    when all N have joined, so dalua.processes(NAME) shows N. The globals alua,
    dalua, ad and luarpc are there; arg holds ARGS; standard input goes to the
    first process.

    The run ends when the program is over: in every process, also spawned ones,
    the main chunk has returned and nothing holds it. What holds: a queued or
    running event, a message on its way, a pending call, a sleep, a timer, a
    waiting take or read, a child that still has work. What does not hold:
    exports, subscriptions, watches, names, and whatever was given background =
    true. alua.loop() serves for ever.

    When nothing can ever happen any more, after --timeout, and on Ctrl-C, it
    prints who waits for what. A second Ctrl-C ends at once. Nothing is left
    behind, however it ends.

    Lines that several processes print come out whole. With -n 2 and more, each
    has the id of its process in front.

OPTIONS
    -n N                N processes (1)
    --app NAME          the app they join (myapp)
    --name NODE         name of the node, so that the process is 1@NODE; with
                        -n N: NODE1 ... NODEN
    --broker ENDPOINT   join the network of this broker instead of a private
                        one; "private" for a private one when ALUA_BROKER or
                        the config file name another
    --timeout S         end after S seconds with status 124 and print who waits
                        for what
    --keep              never end by itself
    --end               end at quiet even where alua.loop() serves
    --no-label          no ids in front of lines

EXIT STATUS
    0       all went well
    1       an event ended in an error that nobody took; or the program could
            not be started; or only takes and reads without a timeout were left
    2       the command line makes no sense
    124     --timeout
    130     Ctrl-C (128 + the signal's number; 143 for SIGTERM)
    else    the code given to exit, 128 + n for a process killed by signal n;
            the highest of all processes

EXAMPLES
    alua run hello.lua
    alua run -n 5 --timeout 60 examples/mutex.lua 200
    echo 3 4 | alua run sum.lua
    alua run --broker 127.0.0.1:6080 --keep server.lua
]==]

pages.broker = [==[
NAME
    alua broker - a broker of its own

SYNOPSIS
    alua broker [--listen ENDPOINT]... [--until-empty] [--detach]

DESCRIPTION
    A broker is where the processes of a network find each other; it also
    watches who lives, and passes on what two of them cannot say directly. It
    prints one line for each place where it listens and runs until it is told
    to end (Ctrl-C, SIGTERM). Its nodes survive its restart: they come back by
    themselves.

    An ipc path is for this user alone. On loopback TCP a peer must show the
    user's token. What others could reach is refused until there are keys. A
    second broker at the same place is refused; the socket of a killed one is
    replaced.

OPTIONS
    --listen ENDPOINT   ipc://PATH or tcp://ADDRESS:PORT, where PORT may be *;
                        may be given several times. The default is the user's
                        own ipc path, where node, console, nodes, send and call
                        look
    --until-empty       end when the last member has left or its lease has run
                        out
    --detach            run in the background; return when it listens

EXIT STATUS
    0 when told to end, 1 when it could not listen, 2 for a command line that
    makes no sense.

EXAMPLES
    alua broker
    alua broker --listen 127.0.0.1:6080 --listen ipc:///run/user/1000/mine
]==]

pages.node = [==[
NAME
    alua node - a process that stays and waits for work

SYNOPSIS
    alua node --name NAME [--broker ENDPOINT] [--app APP] [FILE [ARGS...]]

DESCRIPTION
    Joins the network of a broker as node NAME, so that its process is 1@NAME,
    runs FILE if one is given, and then serves: chunks that are sent to it,
    calls of what it exports. It prints one line when it is ready, and ends on
    Ctrl-C, SIGTERM, or when somebody calls alua.exit for it.

    A second node with the same name is refused. When the broker is restarted
    the node comes back by itself.

OPTIONS
    --name NAME         name of the node; without FILE it must be given
    --broker ENDPOINT   which network (see alua help)
    --app APP           join this app

EXIT STATUS
    0 when told to end; the code given to exit; 1 when there is no broker, the
    name is taken, or an event ended in an error that nobody took; 2 for a
    command line that makes no sense.

EXAMPLES
    alua node --name ana
    alua node --name db --broker 127.0.0.1:6080 server.lua
]==]

pages.console = [==[
NAME
    alua console - a Lua prompt that is a process of the network

SYNOPSIS
    alua console [--broker ENDPOINT] [--name NAME] [--app APP]

DESCRIPTION
    Reads Lua, runs it, prints the results of expressions, tables readably.
    Input that is not complete yet goes on in the next line. Calls may wait;
    meanwhile, and while the prompt waits for you, other processes' chunks and
    calls are served. alua, dalua, ad and luarpc are there.

    Ctrl-C stops what runs, leaves a call that waits to itself, or drops the
    line begun. Ctrl-D leaves. Lines are kept in ~/.alua_history (or
    $ALUA_HISTORY). Without a terminal, statements are read from standard input
    and no prompt is shown; each is finished before the next one is read.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --name NAME         name of the node: others then reach this prompt as
                        1@NAME
    --app APP           join this app

EXIT STATUS
    0, or the code given to exit; 1 when there is no broker, or an event ended
    in an error that nobody took; 2 for a command line that makes no sense.

EXAMPLES
    alua console
    > luarpc.sync("ana", "math.max")(3, 4)
    4
    > alua.send("ana", "print('hello from', alua.id)")
]==]

pages.nodes = [==[
NAME
    alua nodes - who is in the network

SYNOPSIS
    alua nodes [--broker ENDPOINT] [--all] [--json]

DESCRIPTION
    Prints a line for each node: the id of its process, its name, its state
    (up, or silent when it gave no sign of life for some seconds), the apps it
    joined, the names it registered, and where it can be reached.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --all               visitors of the command line too
    --json              a JSON array instead, with all that the broker knows

EXIT STATUS
    0; 1 when there is no broker; 2 for a command line that makes no sense.

EXAMPLES
    alua nodes
    alua nodes --json | jq -r '.[].node'
]==]

pages.send = [==[
NAME
    alua send - run a chunk of Lua on a node

SYNOPSIS
    alua send [--broker ENDPOINT] [--timeout S] NODE CHUNK

DESCRIPTION
    Sends CHUNK to a process (an id, a node's name or a registered name), waits
    until it has run there, and prints what it returned, a line for each value.
    What the chunk itself prints appears where the process writes.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --timeout S         seconds to wait (30)

EXIT STATUS
    0; 1 when it failed there, the node is not there, or nothing came in time;
    2 for a command line that makes no sense.

EXAMPLES
    alua send ana 'return alua.id, os.date()'
    alua send ana 'x = (x or 0) + 1 return x'
]==]

pages.call = [==[
NAME
    alua call - call a function of a node

SYNOPSIS
    alua call [--broker ENDPOINT] [--timeout S] NODE FUNCTION [ARGS...]

DESCRIPTION
    Calls FUNCTION, a dotted name from the process's exports or its globals,
    and prints the results, a line for each. An argument that is a Lua literal
    is sent as that: 42, 0x10, true, nil, "text", { x = 1 }. Everything else is
    sent as text.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --timeout S         seconds to wait (30)

EXIT STATUS
    0; 1 when it failed there, the node or the function is not there, or
    nothing came in time; 2 for a command line that makes no sense.

EXAMPLES
    alua call ana math.max 3 14 15
    alua call ana string.rep ab 3
    alua call ana mutex.request '{ proc = "1@ana", time = 7 }'
]==]

pages.help = [==[
NAME
    alua help - the manual page of a verb

SYNOPSIS
    alua help [VERB]
    alua VERB --help
]==]

return pages
