# Completion for etmem and etmemd in fish. Made by `etmem generate` from the tables of the commands: change those.

# Are the words before the cursor exactly these?
function __etmem_is
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end

# Do the words before the cursor begin with these?
function __etmem_begins
    set -l words (commandline -opc)
    set -e words[1]
    test (count $words) -ge (count $argv); and test "$words[1..$(count $argv)]" = "$argv"
end

# Names of a kind from the daemon, if there is one, each with a tab and what it is.
function __etmem_live
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    command $program __complete $argv[1] $words 2>/dev/null
end

complete -c etmem -e
complete -c etmemd -e
complete -c etmem -f
complete -c etmemd -f
complete -c etmem -n '__etmem_is' -a obj -d 'Commands: add, del, check.'
complete -c etmem -n '__etmem_is' -a project -d 'Commands: show, start, stop, plan, pause, resume.'
complete -c etmem -n '__etmem_is' -a engine -d 'Runs a private command of an engine and prints its answer.'
complete -c etmem -n '__etmem_is' -a reload -d 'Has the daemon read its configuration directory again, all of it or nothing, and prints what it did.'
complete -c etmem -n '__etmem_is' -a stats -d 'Prints what was moved, what it cost, and what held it back.'
complete -c etmem -n '__etmem_is' -a top -d 'Shows the processes of all projects, live: how cold their memory is, what is out, what comes back.'
complete -c etmem -n '__etmem_is' -a daemon -d 'Runs the daemon; the same as etmemd.'
complete -c etmem -n '__etmem_is' -a demo -d 'Shows on this machine what etmem does, in 20 seconds.'
complete -c etmem -n '__etmem_is' -a doctor -d 'Says what this kernel and these privileges allow, and what to do about the rest.'
complete -c etmem -n '__etmem_is' -a completion -d 'Prints the completion script of a shell.'
complete -c etmem -n '__etmem_is' -a help -d 'Prints help.'
complete -c etmem -n '__etmem_is help' -a obj -d 'Commands: add, del, check.'
complete -c etmem -n '__etmem_is help' -a project -d 'Commands: show, start, stop, plan, pause, resume.'
complete -c etmem -n '__etmem_is help' -a engine -d 'Runs a private command of an engine and prints its answer.'
complete -c etmem -n '__etmem_is help' -a reload -d 'Has the daemon read its configuration directory again, all of it or nothing, and prints what it did.'
complete -c etmem -n '__etmem_is help' -a stats -d 'Prints what was moved, what it cost, and what held it back.'
complete -c etmem -n '__etmem_is help' -a top -d 'Shows the processes of all projects, live: how cold their memory is, what is out, what comes back.'
complete -c etmem -n '__etmem_is help' -a daemon -d 'Runs the daemon; the same as etmemd.'
complete -c etmem -n '__etmem_is help' -a demo -d 'Shows on this machine what etmem does, in 20 seconds.'
complete -c etmem -n '__etmem_is help' -a doctor -d 'Says what this kernel and these privileges allow, and what to do about the rest.'
complete -c etmem -n '__etmem_is help' -a completion -d 'Prints the completion script of a shell.'
complete -c etmem -n '__etmem_is obj' -a add -d 'Adds the projects, engines and tasks of a configuration file.'
complete -c etmem -n '__etmem_is obj' -a del -d 'Deletes the projects, engines and tasks that a configuration file names.'
complete -c etmem -n '__etmem_is obj' -a check -d 'Checks a configuration file, or a directory of them, without a daemon.'
complete -c etmem -n '__etmem_is obj' -a help -d 'Prints help.'
complete -c etmem -n '__etmem_is project' -a show -d 'Shows the projects with their engines and tasks.'
complete -c etmem -n '__etmem_is project' -a start -d 'Starts all tasks of a project.'
complete -c etmem -n '__etmem_is project' -a stop -d 'Stops all tasks of a project.'
complete -c etmem -n '__etmem_is project' -a plan -d 'Looks at the processes of a project and says what moving would bring and cost; nothing is moved.'
complete -c etmem -n '__etmem_is project' -a pause -d 'Lets a started project rest: nothing is looked at or moved until it is resumed.'
complete -c etmem -n '__etmem_is project' -a resume -d 'Lets a paused project go on.'
complete -c etmem -n '__etmem_is project' -a help -d 'Prints help.'
complete -c etmem -n '__etmem_begins obj add' -s f -l file -r -F -d 'Configuration file of the objects.'
complete -c etmem -n '__etmem_begins obj add' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins obj add' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins obj del' -s f -l file -r -F -d 'Configuration file of the objects.'
complete -c etmem -n '__etmem_begins obj del' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins obj del' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins obj check' -F -d 'Configuration file to check, or a directory of them as --conf-dir reads it.'
complete -c etmem -n '__etmem_begins obj check' -s f -l file -r -F -d 'Configuration file to check, or a directory of them; the word FILE means the same.'
complete -c etmem -n '__etmem_begins obj check' -l strict -d 'Takes unknown and doubled keys for errors.'
complete -c etmem -n '__etmem_begins obj check' -l no-file-checks -d 'Leaves owner, mode and size of the file aside.'
complete -c etmem -n '__etmem_begins obj check' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins project show' -s n -l name -x -a '(__etmem_live projects)' -d 'Name of the project.'
complete -c etmem -n '__etmem_begins project show' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins project show' -l json -d 'Prints all that is known, as one JSON document.'
complete -c etmem -n '__etmem_begins project show' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins project start' -s n -l name -x -a '(__etmem_live projects)' -d 'Name of the project.'
complete -c etmem -n '__etmem_begins project start' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins project start' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins project stop' -s n -l name -x -a '(__etmem_live projects)' -d 'Name of the project.'
complete -c etmem -n '__etmem_begins project stop' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins project stop' -l bring-back -d 'Makes present again what was swapped out, once nothing runs any more.'
complete -c etmem -n '__etmem_begins project stop' -l rate -x -a '50M 200M' -d 'Brings back no more than this a second, as 100M; or all at once.'
complete -c etmem -n '__etmem_begins project stop' -l json -d 'Prints progress and result of bringing back as lines of JSON.'
complete -c etmem -n '__etmem_begins project stop' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins project plan' -s n -l name -x -a '(__etmem_live projects)' -d 'Name of the project.'
complete -c etmem -n '__etmem_begins project plan' -l seconds -x -a '20 60' -d 'How long to look, 30 if not given: what is rarer is not seen.'
complete -c etmem -n '__etmem_begins project plan' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins project plan' -l json -d 'Prints the plan as one JSON document.'
complete -c etmem -n '__etmem_begins project plan' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins project pause' -s n -l name -x -a '(__etmem_live projects)' -d 'Name of the project.'
complete -c etmem -n '__etmem_begins project pause' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins project pause' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins project resume' -s n -l name -x -a '(__etmem_live projects)' -d 'Name of the project.'
complete -c etmem -n '__etmem_begins project resume' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins project resume' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins engine' -a 'showtaskpages showhostpages' -d 'The engine\'s command, as showtaskpages or showhostpages of cslide.'
complete -c etmem -n '__etmem_begins engine' -s n -l proj_name -x -a '(__etmem_live projects)' -d 'Project of the engine.'
complete -c etmem -n '__etmem_begins engine' -s e -l engine -x -a '(__etmem_live engines)' -d 'Engine that knows the command.'
complete -c etmem -n '__etmem_begins engine' -s t -l task_name -x -a '(__etmem_live tasks)' -d 'Task that the command is about.'
complete -c etmem -n '__etmem_begins engine' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins engine' -l json -d 'Prints the answer as one JSON document, in bytes.'
complete -c etmem -n '__etmem_begins engine' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins reload' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins reload' -l json -d 'Prints what was done as one JSON document.'
complete -c etmem -n '__etmem_begins reload' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins stats' -a '1 2 5 60' -d 'Prints it again each time so many seconds have passed.'
complete -c etmem -n '__etmem_begins stats' -s n -l name -x -a '(__etmem_live projects)' -d 'Name of the project.'
complete -c etmem -n '__etmem_begins stats' -s t -l task -x -a '(__etmem_live tasks)' -d 'Name of the task.'
complete -c etmem -n '__etmem_begins stats' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins stats' -l json -d 'Prints one JSON document; with --watch one on a line, again and again.'
complete -c etmem -n '__etmem_begins stats' -l openmetrics -d 'Prints the metrics of projects and tasks in the format of OpenMetrics.'
complete -c etmem -n '__etmem_begins stats' -l watch -d 'Prints it again every 2 seconds, or SECONDS, until interrupted.'
complete -c etmem -n '__etmem_begins stats' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins top' -s n -l name -x -a '(__etmem_live projects)' -d 'Name of the project.'
complete -c etmem -n '__etmem_begins top' -l interval -x -a '1 2 5 60' -d 'Looks each time so many seconds have passed, 2 if not given.'
complete -c etmem -n '__etmem_begins top' -s s -l socket -x -a 'etmemd_socket' -d 'Socket of the daemon to ask, etmemd_socket if not given.'
complete -c etmem -n '__etmem_begins top' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins daemon' -s s -l socket -x -a 'etmemd_socket' -d 'Socket to listen on; clients give the same name.'
complete -c etmem -n '__etmem_begins daemon' -s l -l log-level -x -a '0 1 2 3' -d 'Logs this level and those above: 0 debug, 1 info, 2 warning, 3 error (default).'
complete -c etmem -n '__etmem_begins daemon' -s m -l mode-systemctl -d 'Goes to the background when the socket listens, for a unit of Type=forking.'
complete -c etmem -n '__etmem_begins daemon' -l state-dir -r -f -a '(__fish_complete_directories)' -d 'Stores projects, and whether they are started, in DIR; they come back after a restart or a crash.'
complete -c etmem -n '__etmem_begins daemon' -l conf-dir -r -f -a '(__fish_complete_directories)' -d 'Adds what stands in the files *.conf and *.toml of DIR, and starts its projects that say start=yes; reload and SIGHUP read it again.'
complete -c etmem -n '__etmem_begins daemon' -l metrics-file -r -F -d 'Writes metrics to FILE every 15 seconds, for node_exporter\'s textfile collector; its name must end in .prom.'
complete -c etmem -n '__etmem_begins daemon' -l proc -r -f -a '(__fish_complete_directories)' -d 'Folder where proc is mounted, for a container that has the host\'s elsewhere.'
complete -c etmem -n '__etmem_begins daemon' -l sys -r -f -a '(__fish_complete_directories)' -d 'Folder where sysfs is mounted, likewise.'
complete -c etmem -n '__etmem_begins daemon' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins demo' -l size -x -a '256M 1G 4G' -d 'Memory of the workload, 1G if not given.'
complete -c etmem -n '__etmem_begins demo' -l seconds -x -a '20 60' -d 'How long to watch, 20 if not given.'
complete -c etmem -n '__etmem_begins demo' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins doctor' -l json -d 'Prints everything as one JSON document: what was read, what was tried, and what follows.'
complete -c etmem -n '__etmem_begins doctor' -l proc -r -f -a '(__fish_complete_directories)' -d 'Folder where proc is mounted, for a container that has the host\'s elsewhere.'
complete -c etmem -n '__etmem_begins doctor' -l sys -r -f -a '(__fish_complete_directories)' -d 'Folder where sysfs is mounted, likewise.'
complete -c etmem -n '__etmem_begins doctor' -s h -l help -d 'Prints this help.'
complete -c etmem -n '__etmem_begins completion' -a 'bash fish zsh' -d 'One of bash, fish, zsh.'
complete -c etmem -n '__etmem_begins completion' -s h -l help -d 'Prints this help.'
complete -c etmemd -s s -l socket -x -a 'etmemd_socket' -d 'Socket to listen on; clients give the same name.'
complete -c etmemd -s l -l log-level -x -a '0 1 2 3' -d 'Logs this level and those above: 0 debug, 1 info, 2 warning, 3 error (default).'
complete -c etmemd -s m -l mode-systemctl -d 'Goes to the background when the socket listens, for a unit of Type=forking.'
complete -c etmemd -l state-dir -r -f -a '(__fish_complete_directories)' -d 'Stores projects, and whether they are started, in DIR; they come back after a restart or a crash.'
complete -c etmemd -l conf-dir -r -f -a '(__fish_complete_directories)' -d 'Adds what stands in the files *.conf and *.toml of DIR, and starts its projects that say start=yes; reload and SIGHUP read it again.'
complete -c etmemd -l metrics-file -r -F -d 'Writes metrics to FILE every 15 seconds, for node_exporter\'s textfile collector; its name must end in .prom.'
complete -c etmemd -l proc -r -f -a '(__fish_complete_directories)' -d 'Folder where proc is mounted, for a container that has the host\'s elsewhere.'
complete -c etmemd -l sys -r -f -a '(__fish_complete_directories)' -d 'Folder where sysfs is mounted, likewise.'
complete -c etmemd -s h -l help -d 'Prints this help.'
