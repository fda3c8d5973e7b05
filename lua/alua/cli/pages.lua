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
       alua out | take | read | count | watch SPACE ...    tuples of a space
       alua spaces                           which spaces there are
       alua pub | sub | request TOPIC ...    messages by topic
       alua topics                           which topics and subscriptions there are
       alua keys new | trust | revoke | list | rotate      who may come
       alua ping [NODE]                      is the broker well, or a node
       alua drain NODE                       let a node finish and leave
       alua config                           which settings are in force, and whence
       alua doctor                           what is wrong with this set-up
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
    out         put a tuple into a space
    take        take tuples out of a space
    read        read tuples of a space
    count       how many tuples of a space match
    watch       print the tuples that are put into a space
    spaces      list the tuple spaces
    pub         publish a value under a topic
    sub         print the messages of topics
    request     ask whoever subscribes to a topic
    topics      list the topics and the subscriptions
    keys        make keys and say who is trusted, for networks of several hosts
    ping        is the broker well, or a node
    drain       let a node finish what it has begun, and leave
    config      show each setting in force and where it comes from
    doctor      what is wrong with this set-up, and the fix
    help VERB   the manual page of a verb

DEFAULTS
    Verbs that need a broker look for it in --broker, then in the environment
    variable ALUA_BROKER, then in the config file, then at the user's own ipc
    path, where "alua broker" listens when nothing else is said. An endpoint is
    tcp://ADDRESS:PORT (or just ADDRESS:PORT) or ipc://PATH (or just an
    absolute path). A broker on another host takes a key (alua help keys):
    --key, and --broker-key unless its key is trusted as "broker".

    Settings stand in a config file, in environment variables and on the command
    line; later ones win, and "alua config" shows which are in force. The file,
    $XDG_CONFIG_HOME/alua/config.lua (~/.config/alua/config.lua), $ALUA_CONFIG or
    --config FILE (which every verb has), holds lines in Lua's syntax. It is data:
    nothing in it is run.

        broker = "127.0.0.1:6080"       -- for every verb; --broker private overrides it for "alua run"
        broker_key = "broker.pub"       -- or the key itself, 40 characters
        key = "ana.key"                 -- relative to this file, as all files here
        trust = "trusted"               -- the trust store
        policy = "policy.lua"           -- for broker
        name = "ana"                    -- for node, as listen and advertise
        listen = "tcp://*:4322"
        advertise = "10.0.0.7"
        code = "jail"                   -- for node, run and console
        insecure = false                -- for broker and node
        app = "myapp"                   -- for run, node and console
        timeout = 60                    -- seconds, for run, send, call, out, count, pub and request
        label = false                   -- as --no-label

    In the environment these are ALUA_BROKER, ALUA_BROKER_KEY and so on; there
    an empty one is not set.

FILES
    $XDG_RUNTIME_DIR/alua (else /tmp/alua-UID), mode 0700: sockets, the user's
    token, a directory p-PID for each program that runs. What a killed program
    leaves there, the next one removes.

ENVIRONMENT
    ALUA_BROKER         which broker, see above; for alua.open, too
    ALUA_LISTEN         one more endpoint for nodes, such as tcp://127.0.0.1:*
    ALUA_ADVERTISE      what others are told instead of it
    ALUA_KEY            our key, NAME.key, where --key is not given
    ALUA_BROKER_KEY     the broker's public half, where --broker-key is not
    ALUA_CODE           none, jail or full, as --code
    ALUA_TRUST          the trust store
    ALUA_CONFIG         the config file
    ALUA_POLICY, ALUA_NAME, ALUA_INSECURE, ALUA_APP, ALUA_TIMEOUT, ALUA_LABEL
                        as the lines of the config file
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
    alua out jobs render 7; alua take jobs render _
]==]

pages.run = [==[
NAME
    alua run - run a program in one or several processes

SYNOPSIS
    alua run [-n N] [--app NAME] [--name NODE] [--broker ENDPOINT [--key FILE]
             [--broker-key KEY] [--code LEVEL]] [--timeout S] [--keep | --end]
             [--no-label] FILE [ARGS...]

DESCRIPTION
    Starts N processes that run the same file, in a private network of their
    own: the broker lives inside this command, on a socket that only the user
    can reach, and goes with it. All join the app NAME; the file starts in each
    when all N have joined, so dalua.processes(NAME) shows N. The globals alua,
    dalua, ad, luarpc, luats and luaps are there; arg holds ARGS; standard input
    goes to the first process.

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
    --key FILE          our key, for all N: when that broker is on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --code LEVEL        as for alua node
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
    alua broker [--listen ENDPOINT]... [--key FILE [--trust DIR]
                [--policy FILE]] [--insecure] [--until-empty] [--detach]

DESCRIPTION
    A broker is where the processes of a network find each other; it also
    watches who lives, and passes on what two of them cannot say directly. It
    prints one line for each place where it listens and runs until it is told
    to end (Ctrl-C, SIGTERM). Its nodes survive its restart: they come back by
    themselves.

    An ipc path is for this user alone. On loopback TCP a peer must show the
    user's token. What others could reach is refused without a key (alua help
    keys). A second broker at the same place is refused; the socket of a killed
    one is replaced.

    With --key, all TCP is encrypted, and only those come in whose keys are in
    the trust store; a key that is revoked there is cut off within a second.
    What they may do says the policy; without one, everything but running code
    and administration. Who comes by an ipc path is the user, and may
    everything. Standard error then tells who came and what was refused.

OPTIONS
    --listen ENDPOINT   ipc://PATH or tcp://ADDRESS:PORT, where PORT may be *,
                        and ADDRESS * (also 0.0.0.0, or [::] with IPv6), a
                        number, an interface or a host's name; may be given
                        several times. The default is the user's own ipc path,
                        where node, console, nodes, send and call look
    --key FILE          its key, NAME.key
    --trust DIR         who may come ($ALUA_TRUST, else ~/.config/alua/trusted)
    --policy FILE       what they may do; read again when it changes
    --insecure          let in whoever comes, for experiments. Every status
                        says so
    --until-empty       end when the last member has left or its lease has run
                        out
    --detach            run in the background; return when it listens

EXIT STATUS
    0 when told to end, 1 when it could not listen, 2 for a command line that
    makes no sense.

EXAMPLES
    alua broker
    alua broker --listen 127.0.0.1:6080 --listen ipc:///run/user/1000/mine
    alua broker --listen 'tcp://*:4321' --key broker.key --policy policy.lua
]==]

pages.node = [==[
NAME
    alua node - a process that stays and waits for work

SYNOPSIS
    alua node --name NAME [--broker ENDPOINT] [--app APP]
              [--key FILE] [--broker-key KEY] [--code LEVEL]
              [--listen ENDPOINT [--advertise ADDRESS]]... [--insecure]
              [FILE [ARGS...]]

DESCRIPTION
    Joins the network of a broker as node NAME, so that its process is 1@NAME,
    runs FILE if one is given, and then serves: chunks that are sent to it,
    calls of what it exports. It prints one line when it is ready, and ends on
    Ctrl-C, SIGTERM, or when somebody calls alua.exit for it. FILE is read once
    and may be a pipe, as /dev/stdin.

    A second node with the same name is refused. When the broker is restarted
    the node comes back by itself. So does one whose key was revoked and is
    trusted again: it asks every 1 to 30 seconds.

    Nodes on other hosts send to it through the broker, or directly when it
    listens at a TCP endpoint as well.

OPTIONS
    --name NAME         name of the node; without FILE it must be given
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --app APP           join this app
    --listen ENDPOINT   one more endpoint, for others: tcp://ADDRESS:PORT as for
                        alua broker; may be given several times. What others
                        could reach takes a key
    --advertise ADDRESS what others are told instead: an outer address or a
                        name, with :PORT when that is another. Without it, and
                        with * for all addresses, the one by which the broker
                        would be reached. The second is for the second --listen
    --code LEVEL        how code of those who come with keys is run at most:
                        none, jail or full (full); the broker's policy may say
                        less
    --insecure          let in whoever comes, for experiments

EXIT STATUS
    0 when told to end; the code given to exit; 1 when there is no broker, the
    name is taken, or an event ended in an error that nobody took; 2 for a
    command line that makes no sense.

EXAMPLES
    alua node --name ana
    alua node --name db --broker 127.0.0.1:6080 server.lua
    alua node --name ana --broker hub:4321 --broker-key broker.pub --key ana.key \
              --listen 'tcp://*:4322' --code jail
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
    calls are served. alua, dalua, ad, luarpc, luats and luaps are there.

    Ctrl-C stops what runs, leaves a call that waits to itself, or drops the
    line begun. Ctrl-D leaves. Lines are kept in ~/.alua_history (or
    $ALUA_HISTORY). Without a terminal, statements are read from standard input
    and no prompt is shown; each is finished before the next one is read.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
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
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
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
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
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
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         seconds to wait (30)

EXIT STATUS
    0; 1 when it failed there, the node or the function is not there, or
    nothing came in time; 2 for a command line that makes no sense.

EXAMPLES
    alua call ana math.max 3 14 15
    alua call ana string.rep ab 3
    alua call ana mutex.request '{ proc = "1@ana", time = 7 }'
]==]

pages.out = [==[
NAME
    alua out - put a tuple into a space

SYNOPSIS
    alua out [--broker ENDPOINT] [--timeout S] [--ttl S] [--json] SPACE VALUE...

DESCRIPTION
    Puts one tuple into the tuple space SPACE of the broker and returns when it
    is there. Each VALUE is a position: a number, true, false, a Lua table or a
    Lua string in quotes where it is one; everything else is text. A single
    VALUE that is a table is the whole tuple, so that it may have named fields.
    Options stand anywhere; behind "--" nothing is one.

    The tuple stays until somebody takes it, also when this command is long
    over, but not longer than the broker runs.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         seconds to wait for the broker (30)
    --ttl S             the tuple disappears after so many seconds, more than 0
    --json              each VALUE is a JSON text; an object with keys "1", "2"
                        ... has positions, as "alua take --json" prints them.
                        Needs the package lua-dkjson

EXIT STATUS
    0 when the tuple is there; 1 when it could not be put; 2 for a command line
    that makes no sense, such as nil in a tuple.

EXAMPLES
    alua out jobs render 7
    alua out jobs '{ "render", 8, by = "ana" }'
    alua out --json jobs '["render", 9]'
    alua out log -- --timeout 5             # two values: "--timeout", 5
]==]

pages.take = [==[
NAME
    alua take - take tuples out of a space

SYNOPSIS
    alua take [--broker ENDPOINT] [--timeout S] [--count N | --all] [--json]
              SPACE [TEMPLATE...]

DESCRIPTION
    Takes the oldest tuple of SPACE that matches, and prints it; waits until
    there is one. Each tuple is taken by exactly one.

    The words of TEMPLATE are values as for "alua out", or terms, with or without
    "luats." in front:

        _  any                  any value
        ...  rest               in the last place: any further positions
        int  float  number      a value of that type; also boolean, string and
                                table. The word itself is '"string"'
        'range(1, 9)'           a number from 1 to 9
        'prefix "ab"'           a text that begins so
        'oneof("a", "b")'       one of these
        'var "x"'               any value, the same wherever x stands again
        'where "t[2] > 3"'      takes no position: an expression about the tuple

    Without TEMPLATE every tuple matches. A single word that is a table is the
    whole template: '{ "render", int, by = any }'. Options stand anywhere;
    behind "--" nothing is one.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         wait so many seconds for a tuple, 0: only look. Without
                        it there is no end
    --count N           so many tuples, each as soon as it is there (1)
    --all               all that are there now, at most 1024, the oldest first
    --json              print JSON, a line for each; words of TEMPLATE that are
                        JSON texts are read as that (with lua-dkjson). A tuple
                        with named fields is an object, in which positions have
                        the keys "1", "2" ...

EXIT STATUS
    0 when so many were taken; 1 when no tuple came in time, --all found none,
    or it failed, which is said on standard error; 2 for a command line that makes no sense.

EXAMPLES
    alua take jobs render _
    alua take --timeout 0 jobs 'where "t[2] > 3"' ...
    while job=$(alua take jobs render int); do echo "$job"; done
]==]

pages.read = [==[
NAME
    alua read - read tuples of a space

SYNOPSIS
    alua read [--broker ENDPOINT] [--timeout S] [--all] [--json]
              SPACE [TEMPLATE...]

DESCRIPTION
    As "alua take", but the tuple stays where it is: prints the oldest one that
    matches, and waits until there is one. "alua help take" has the terms of
    templates.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         wait so many seconds for a tuple, 0: only look. Without
                        it there is no end
    --all               all that are there now, at most 1024, the oldest first
    --json              as for "alua take"

EXIT STATUS
    0; 1 when no tuple came in time, --all found none, or it failed; 2 for a command line that
    makes no sense.

EXAMPLES
    alua read jobs
    alua read --json --timeout 0 config colour _
]==]

pages.count = [==[
NAME
    alua count - how many tuples of a space match

SYNOPSIS
    alua count [--broker ENDPOINT] [--timeout S] [--json] SPACE [TEMPLATE...]

DESCRIPTION
    Prints how many tuples of SPACE match TEMPLATE, without one how many there
    are. A space that nobody has used has none. "alua help take" has the terms
    of templates.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         seconds to wait for the broker (30)
    --json              words of TEMPLATE that are JSON texts are read as that

EXIT STATUS
    0, also when there is none; 1 when it failed; 2 for a command line that
    makes no sense.

EXAMPLES
    alua count jobs
    alua count jobs render 'range(1, 100)'
]==]

pages.watch = [==[
NAME
    alua watch - print the tuples that are put into a space

SYNOPSIS
    alua watch [--broker ENDPOINT] [--timeout S] [--count N] [--json]
               SPACE [TEMPLATE...]

DESCRIPTION
    Prints each tuple that is put into SPACE from now on and matches TEMPLATE,
    in order, until Ctrl-C. It takes nothing. What somebody takes at once is
    printed, too. "alua help take" has the terms of templates. When the broker
    is restarted, it goes on; when the space is destroyed, it ends.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         end when none was put for so many seconds
    --count N           end after so many tuples
    --json              as for "alua take"

EXIT STATUS
    0 after N tuples; 1 after --timeout, when the space was destroyed, or when it
    failed; 2 for a command line that makes no sense; 130 after Ctrl-C.

EXAMPLES
    alua watch jobs
    alua watch --json results _ number
]==]

pages.spaces = [==[
NAME
    alua spaces - list the tuple spaces

SYNOPSIS
    alua spaces [--broker ENDPOINT] [--json]

DESCRIPTION
    Prints a line for each tuple space of the broker: how many tuples lie in it
    and what they take in memory, how many more are taken on a lease, how many
    takes and reads wait, and how many watches and reactions there are. A space
    begins with its first use and is gone when nothing is in it and nobody waits
    there.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --json              a JSON array instead

EXIT STATUS
    0; 1 when there is no broker; 2 for a command line that makes no sense.

EXAMPLES
    alua spaces
    alua spaces --json | jq -r '.[].name'
]==]

pages.pub = [==[
NAME
    alua pub - publish a value under a topic

SYNOPSIS
    alua pub [--broker ENDPOINT] [--timeout S] [--retain] [--ttl S] [--delay S]
             [--json] TOPIC [VALUE]

DESCRIPTION
    Publishes VALUE to all who subscribe to TOPIC, words joined by dots, and
    returns when the broker has it. VALUE is read as by "alua out"; without one
    it is nil. Topics that begin with $ are the broker's.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         seconds to wait for the broker (30)
    --retain            keep it as the topic's value, for those who subscribe
                        later; without VALUE: forget what is kept
    --ttl S             whoever has not got it after so many seconds (more than
                        0) does not get it
    --delay S           publish it so many seconds from now; the broker does
                        that, this command returns at once
    --json              VALUE is a JSON text. Needs the package lua-dkjson

EXIT STATUS
    0, also when nobody subscribes; 1 when it failed; 2 for a command line that
    makes no sense.

EXAMPLES
    alua pub sensors.hall 21.5
    alua pub --retain sensors.hall '{ celsius = 21.5 }'
    alua pub --delay 60 alarms.tea ready
]==]

pages.sub = [==[
NAME
    alua sub - print the messages of topics

SYNOPSIS
    alua sub [--broker ENDPOINT] [--timeout S] [--count N] [--last N]
             [--since S] [--group NAME] [--filter EXPRESSION] [--json] PATTERN

DESCRIPTION
    Prints the topic and the value of each message whose topic matches PATTERN,
    until Ctrl-C. In PATTERN, * is one word and > at the end is all further
    ones, at least one. Values that are retained come first. How many were left
    out, and why (this command did not keep up; the broker was restarted), is
    said on standard error. When the broker is restarted, it goes on.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         end when none came for so many seconds
    --count N           end after so many messages
    --last N            first, of each topic, the last N messages that the
                        broker has kept
    --since S           first, what was published in the last S seconds
    --group NAME        of all that subscribe to this pattern in this group, one
                        gets each message; without --last and --since
    --filter EXPRESSION only those for which this is true: Lua's operators on
                        value, topic and publisher
    --json              an object for each, with topic, value, publisher, seq,
                        time, and retained, replayed or will where they are true,
                        missed and cause where some were left out before it

EXIT STATUS
    0 after N messages; 1 after --timeout, or when it failed; 2 for a command
    line that makes no sense; 130 after Ctrl-C.

EXAMPLES
    alua sub 'sensors.*'
    alua sub --filter 'value >= 30' 'sensors.>'
    alua sub '$alua.node.>'
]==]

pages.request = [==[
NAME
    alua request - ask whoever subscribes to a topic

SYNOPSIS
    alua request [--broker ENDPOINT] [--timeout S] [--gather] [--json]
                 TOPIC [VALUE]

DESCRIPTION
    Publishes VALUE under TOPIC and prints the first answer (what a subscriber
    gives to msg:reply). VALUE is read as by "alua out"; without one it is nil.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         seconds to wait for answers (30)
    --gather            print all answers that come until then
    --json              VALUE is a JSON text, which needs the package
                        lua-dkjson; answers are printed as JSON

EXIT STATUS
    0; with --gather also when there was no answer; 1 when nobody subscribes or
    nobody answered in time; 2 for a command line that makes no sense.

EXAMPLES
    alua request clock now
    alua request --gather --timeout 1 who.is.there
]==]

pages.topics = [==[
NAME
    alua topics - list the topics and the subscriptions

SYNOPSIS
    alua topics [--broker ENDPOINT] [--json]

DESCRIPTION
    Prints a line for each topic that the broker knows: the number of its last
    message, how many messages it keeps for later subscribers, and whether it
    has a retained value. Behind an empty line there is one for each
    subscription: whose it is, its group, how many messages wait for it in the
    broker and how many were left out because it was too slow. Of very many,
    those that fit a message are shown.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --json              a JSON object with two arrays instead

EXIT STATUS
    0; 1 when there is no broker; 2 for a command line that makes no sense.

EXAMPLES
    alua topics
    alua topics --json | jq '.subscriptions[] | select(.dropped > 0)'
]==]

pages.keys = [==[
NAME
    alua keys - make keys and say who is trusted

SYNOPSIS
    alua keys new [--dir DIR] NAME
    alua keys trust [--name NAME] [--trust DIR] FILE.pub...
    alua keys revoke [--trust DIR] NAME|FILE.pub...
    alua keys list [--trust DIR] [--json]
    alua keys rotate [--broker ENDPOINT] [--broker-key KEY] NAME

DESCRIPTION
    With keys, whatever goes from one host to another is encrypted, and both
    ends prove who they are. A key pair has two halves, in two files: NAME.key,
    the private one, stays where it was made; NAME.pub, the public one, goes to
    whoever shall know its owner. The trust store is a directory of public
    halves: a broker lets in those whose key is there.

    new     makes NAME.key and NAME.pub in the current directory. Files that
            are there already stay.
    trust   puts public halves into the trust store, which is made when it is
            missing. Their names there are the certificates' own.
    revoke  takes a key out of it. Brokers that use this trust store end its
            links within a second. The file is kept in DIR/revoked, so that its
            owner is told what happened.
    list    shows who is trusted, and who was.
    rotate  makes a new pair for NAME and asks the broker, by the old key, to
            trust the new one in its place: names and rights pass over. Then
            NAME.key and NAME.pub are the new halves, NAME.key.old and
            NAME.pub.old the old ones. When it is interrupted, run it again.
            The broker's own key cannot be changed so: make another one, give
            its public half to all, and start the broker with it.

OPTIONS
    --dir DIR           directory of the files (the current one)
    --name NAME         trust it under this name and not under its own
    --trust DIR         the trust store ($ALUA_TRUST, else
                        $XDG_CONFIG_HOME/alua/trusted, ~/.config/alua/trusted)
    --json              a JSON array: name, key, state, file
    --broker ENDPOINT   which network (see alua help)
    --broker-key KEY    the broker's public half, a file or the key itself; by
                        default the one that is trusted as "broker"

FILES
    NAME.key (mode 0600), NAME.pub; the trust store has mode 0700. A private
    half that others can read, and a trust store into which others can write,
    are refused.

EXIT STATUS
    0; 1 when it could not be done; 2 for a command line that makes no sense.

EXAMPLES
    alua keys new broker
    alua keys new --dir ~/keys ana
    alua keys trust ana.pub bob.pub
    alua keys revoke bob
    alua keys rotate --broker hub:4321 --dir ~/keys ana
]==]

pages.doctor = [==[
NAME
    alua doctor - what is wrong with this set-up, and the fix

SYNOPSIS
    alua doctor [--broker ENDPOINT] [--key FILE] [--broker-key KEY]
                [--trust DIR] [--policy FILE] [--json]

DESCRIPTION
    Looks at what a network of one or several hosts needs, and prints a line
    for each thing: ok, or problem with what to do about it.

    runtime, token      the user's own directory for sockets, and its rights
    config              the config file can be read
    key, broker-key     the files are there, closed to others, and their halves
                        belong together
    trust               the trust store: its rights, and each file in it
    policy              the policy file: what is wrong in which line, and who is
                        named there and not trusted. On the broker's host
    files               how many files a process may have open
    broker              is somebody there; if not: is the name known, is the
                        connection refused, or is there no answer. Does the
                        broker let us in; if not: does it not trust our key, has
                        it another one, or none. Is it --insecure
    clock               the broker's and ours
    nodes               the TCP addresses that nodes tell others: can they be
                        reached from here, do they mean only their own host, or
                        a private network behind NAT

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --trust DIR         the trust store ($ALUA_TRUST, else
                        ~/.config/alua/trusted)
    --policy FILE       a policy file
    --json              a JSON array: check, ok, text, fix

EXIT STATUS
    0 when all is well, 1 when there is a problem, 2 for a command line that
    makes no sense.

EXAMPLES
    alua doctor
    alua doctor --broker hub:4321 --key ana.key --broker-key broker.pub
    alua doctor --policy policy.lua
]==]

pages.ping = [==[
NAME
    alua ping - is the broker well, or a node

SYNOPSIS
    alua ping [--broker ENDPOINT] [--key FILE] [--broker-key KEY] [--count N]
              [--timeout S] [--counters] [--json] [NODE]

DESCRIPTION
    Asks the broker, or NODE (an id, a node's name or a registered name), waits
    for the answer, and prints how long that took. Of the broker it tells the
    protocol's version, how many processes are members and how long it has run;
    and warns when it runs with --insecure. A node needs not let us call
    anything: that it refuses is an answer, too. A node that is draining is well.

    It is made for health checks: silent about what is well with >/dev/null,
    quick, and never longer than --timeout.

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --count N           ask so many times, one after the other (1)
    --timeout S         seconds to wait for each answer (5)
    --counters          and all that the broker counts: messages, refusals, what
                        was dropped, sessions, spaces, topics, keys; not zeros
    --json              an object: who, count, ms { least, mean, most }; of the
                        broker protocol, members, uptime, insecure, and counters
                        when they are asked for; of a node id, state

EXIT STATUS
    0 when it answered; 1 when it did not, or is not there; 2 for a command line
    that makes no sense.

EXAMPLES
    alua ping
    alua ping --count 100 ana
    alua ping --broker hub:4321 --key desk.key --timeout 2 >/dev/null || echo down
]==]

pages.drain = [==[
NAME
    alua drain - let a node finish what it has begun, and leave

SYNOPSIS
    alua drain [--broker ENDPOINT] [--key FILE] [--broker-key KEY] [--timeout S]
               NODE

DESCRIPTION
    Tells NODE (an id, a node's name or a registered name) to leave in order,
    and waits until it has: it gives up its names and apps, so that new work
    finds others, refuses what comes nevertheless with the error "draining",
    finishes what it has begun, and ends with status 0. Nobody's call fails. How
    long that took is printed. To drain a node of somebody else takes the right
    "admin".

OPTIONS
    --broker ENDPOINT   which network (see alua help)
    --key FILE          our key, NAME.key: for a broker on another host
    --broker-key KEY    the broker's public half, a file or the key itself
    --timeout S         wait no longer than so many seconds; the node goes on
                        draining. Without it there is no end

EXIT STATUS
    0 when it has left; 1 when it has not in time, died meanwhile, is not there,
    or we may not; 2 for a command line that makes no sense.

EXAMPLES
    alua drain ana
    alua drain --timeout 60 ana || alua nodes
]==]

pages.config = [==[
NAME
    alua config - show each setting in force and where it comes from

SYNOPSIS
    alua config [--config FILE] [--json] [OPTIONS of other verbs]

DESCRIPTION
    Prints each setting, its value, and where that comes from: FILE:LINE of the
    config file, a variable of the environment, the command line, or the default.
    Options of other verbs may be given, to see what they would change. "alua
    help" lists the settings. A setting that there is not is an error, in every
    verb, with the nearest that there is.

OPTIONS
    --config FILE       another config file ($ALUA_CONFIG, else
                        $XDG_CONFIG_HOME/alua/config.lua)
    --json              an object: setting -> { value, from }
    --broker, --broker-key, --key, --trust, --policy, --insecure, --name,
    --listen, --advertise, --code, --app, --timeout, --no-label
                        as of the verbs that have them

EXIT STATUS
    0; 1 when a setting is wrong; 2 for a command line that makes no sense.

EXAMPLES
    alua config
    ALUA_BROKER=hub:4321 alua config --json | jq -r .broker.from
]==]

pages.help = [==[
NAME
    alua help - the manual page of a verb

SYNOPSIS
    alua help [VERB]
    alua VERB --help
]==]

return pages
