# Runs one server until its owner ends, then removes every trace of it.
# Arguments: the directory, the directory of the programs, then the server's options; or the directory, nothing, then
# another program and its arguments.
# Input: a pipe whose other end only the owner holds; its lines stop the server and start it again, in turn. The line
# `stop_at_once` stops it without waiting for its sessions, so that the start recovers as after a crash. The line `kill`
# sends SIGKILL to its first process only: the others notice that by themselves.
# Output: the lock. Error output: the log.
set -u
directory=$1
programs=$2
shift 2
PATH=${PATH:-}:/usr/bin:/bin

# Ctrl-C and a hang-up are for the owner; only its end is for us.
trap '' HUP INT TERM
exec 3<&0 </dev/null
umask 077

remove() {
    cd /
    # A backend that outlives a killed postmaster for a moment may still write.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf -- "$directory" && return
        sleep 1
    done
}

if [ -n "$programs" ]; then
    if [ -f "$directory/password" ]; then
        host=scram-sha-256
        password=--pwfile=$directory/password
    else
        host=reject
        password=
    fi

    cluster() {
        "$programs/initdb" -D "$directory/data" -U postgres --auth-local=trust "--auth-host=$host" \
            ${password:+"$password"} --no-sync --no-instructions --encoding=UTF8 "--locale=$1" >&2 3<&-
    }

    if [ -f "$directory/restore" ]; then
        if ! (. "$directory/restore") >&2 3<&-; then
            remove
            exit 1
        fi
    # Not every system has C.UTF-8.
    elif ! cluster C.UTF-8; then
        rm -rf -- "$directory/data"
        if ! cluster C; then
            remove
            exit 1
        fi
    fi
    set -- "$programs/postgres" -D "$directory/data" -k "$directory" "$@"
fi

while :; do
    "$@" >&2 3<&- &
    server=$!

    (
        read -r how <&3 && : >"$directory/stopped"
        tick=0
        [ "$how" = stop_at_once ] && tick=50
        if [ "$how" = kill ]; then
            # Stopped first, so that it starts no other process after they are listed.
            kill -STOP "$server"
            ps -A -o pid= -o ppid= | while read -r pid parent; do
                [ "$parent" = "$server" ] && echo "$pid"
            done >"$directory/orphans"
            tick=100
        fi
        while :; do
            # Repeated, because a signal that comes before the server's handler is lost.
            if [ "$tick" -lt 50 ]; then
                kill -INT "$server" || exit
            elif [ "$tick" -lt 100 ]; then
                kill -QUIT "$server" || exit
            else
                kill -KILL "$server" || exit
            fi
            tick=$((tick + 1))
            sleep 0.1 || sleep 1
        done
    ) 2>/dev/null &
    watcher=$!

    wait "$server"
    status=$?
    kill -KILL "$watcher" 2>/dev/null
    if [ -e "$directory/orphans" ]; then
        # A server does not start while processes of the last one use its memory. Ten seconds, because one that nothing
        # waits for never disappears.
        tick=0
        while read -r pid; do
            while kill -0 "$pid" 2>/dev/null && [ "$tick" -lt 100 ]; do
                tick=$((tick + 1))
                sleep 0.1 || sleep 1
            done
        done <"$directory/orphans"
        rm -f -- "$directory/orphans" "$directory/data/postmaster.pid"
    fi
    # Unless it was stopped by a line, this was its end; the next line starts it again.
    [ -e "$directory/stopped" ] && read -r _ <&3 || break
    rm -f -- "$directory/stopped"
done
remove
exit "$status"
