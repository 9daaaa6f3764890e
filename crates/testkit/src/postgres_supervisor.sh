# Runs a PostgreSQL server in the folder $1 with the programs in $2, and with the arguments after that. Does what
# lines of the standard input say, and answers each with a line. When the input ends, because whoever started this has
# ended, however it did, the server ends and the folder goes.
folder=$1
programs=$2
shift 2
cd "$folder" || exit 1
if ! "$programs/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync \
    >log 2>&1 </dev/null; then
  cat log
  exit 1
fi

start() {
  "$programs/postgres" -D data -k "$folder" -c listen_addresses= -c fsync=off \
    -c full_page_writes=off -c max_connections=400 -c shared_buffers=64MB -c max_wal_size=2GB \
    -c checkpoint_timeout=1h -c restart_after_crash=on "$@" >>log 2>&1 </dev/null &
  server=$!
}

# The server and all its processes.
signal_all() {
  for process in $server $(cat /proc/"$server"/task/"$server"/children 2>/dev/null); do
    kill "-$1" "$process" 2>/dev/null
  done
}

start "$@"
echo started
while read -r command; do
  case $command in
    start) start "$@" ;;
    stop) kill -INT "$server"; wait "$server" ;;
    kill) signal_all KILL; wait "$server" 2>/dev/null; rm -f data/postmaster.pid .s.PGSQL.5432* ;;
    pause) signal_all STOP ;;
    resume) signal_all CONT ;;
  esac
  echo done
done
signal_all CONT
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
cd / && rm -rf "$folder"
