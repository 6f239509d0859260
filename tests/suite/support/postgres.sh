# Runs a temporary Postgres until its standard input ends, and takes its folder away again.
#
# $BIN: where initdb and postgres are. $PORT: where it listens. $PARENT: where its folder is made.
# Everything below is made to end in `leave`, whether a test failed, the run was interrupted, or its terminal is gone.
set -u
trap '' HUP INT TERM
prefix="$PARENT/belgie-postgres-"

# Whether this number is that of a process there is now, and one of this kind: numbers are used again.
runs() {
    [ -n "$1" ] && [ -r "/proc/$1/comm" ] && case "$(cat "/proc/$1/comm" 2>/dev/null)" in $2*) true ;; *) false ;; esac
}

# A run that was killed together with this script (or a machine that went down) leaves its folder to the next one. Nothing is
# touched whose script or server is still there, or that is too young to have said whose it is.
for left in "$prefix"??????; do
    [ -d "$left" ] && [ ! -L "$left" ] || continue
    [ -z "$(find "$left" -maxdepth 0 -mmin -2)" ] || continue
    runs "$(head -n 1 "$left/supervisor" 2>/dev/null)" bash && continue
    runs "$(head -n 1 "$left/data/postmaster.pid" 2>/dev/null)" postgres && continue
    rm -rf "$left"
done

dir=$(mktemp -d "${prefix}XXXXXX") || exit 1
echo $$ >"$dir/supervisor"
server=""
leave() {
    if [ -n "$server" ]; then
        # One that is only just starting does not hear it the first time.
        while kill -QUIT "$server" 2>/dev/null; do sleep 0.1; done
        wait "$server"
    fi
    cd /
    rm -rf "$dir"
}
trap leave EXIT

# Postgres does not run as root; its part of the folder belongs to somebody who may.
as=""
mkdir "$dir/socket" "$dir/data" || exit 1
if [ "$(id -u)" = 0 ]; then
    chmod 711 "$dir"
    chown postgres:postgres "$dir/socket" "$dir/data" || exit 1
    as="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
cd "$dir/data" || exit 1
$as "$BIN/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null || exit 1
$as "$BIN/postgres" -D "$dir/data" -p "$PORT" -k "$dir/socket" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 -c shared_buffers=32MB \
    >"$dir/log" 2>&1 </dev/null &
server=$!
read -r _
exit 0
