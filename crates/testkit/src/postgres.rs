use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::until;

/// A URL of a server to use instead of one of our own. Databases are created on it, and left there.
const GIVEN: &str = "CALLBOARD_TEST_POSTGRES";
const SUPERVISOR: &str = include_str!("postgres_supervisor.sh");
/// The user that the server runs as where the tests are run by root, which it refuses to be run by.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];
const PATIENCE: Duration = Duration::from_mins(1);

/// A `PostgreSQL` server of one's own, in a folder that goes with it. It ends when this is dropped, and also when
/// the process ends in any other way.
pub struct PostgresServer {
    folder: PathBuf,
    supervisor: Mutex<Supervisor>,
}

struct Supervisor {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl PostgresServer {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// There is no `PostgreSQL` on this machine.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with settings such as `shared_buffers=1GB`.
    ///
    /// # Panics
    ///
    /// As [`PostgresServer::start`].
    pub fn start_with(settings: &[&str]) -> Self {
        let programs = programs().unwrap_or_else(|| {
            panic!(
                "the tests need a PostgreSQL server: install one (on Debian: apt-get install postgresql), or set \
                 {GIVEN} to the URL of one that they may create databases on"
            )
        });
        let folder = tempfile::Builder::new().prefix("callboard-postgres-").tempdir().expect("a folder");
        // The supervisor removes it.
        let folder = folder.keep();
        let mut command = shell(&folder);
        let mut process = command
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(&folder)
            .arg(&programs)
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut supervisor = Supervisor { process, commands, answers };
        let answer = supervisor.answer();
        assert_eq!(answer, "started", "PostgreSQL does not start: {answer}");
        Self { folder, supervisor: Mutex::new(supervisor) }
    }

    /// The URL of a database, whether it exists or not.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    /// The number of its first process.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn process(&self) -> u32 {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a number")
    }

    /// The folder of its socket.
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// Creates an empty database, and returns its URL.
    pub async fn create_database(&self) -> String {
        create_database(&self.url("postgres")).await
    }

    /// Ends it as an administrator does in a hurry: connections are cut, transactions are rolled back.
    pub fn stop(&self) {
        self.command("stop");
    }

    /// Ends it as a failing machine does.
    pub fn kill(&self) {
        self.command("kill");
    }

    /// Starts it again after [`PostgresServer::stop`] or [`PostgresServer::kill`].
    pub fn start_again(&self) {
        self.command("start");
    }

    /// Cuts all connections to its databases, whatever is going on in them.
    pub async fn cut_connections(&self) {
        let mut connection = connect(&self.url("postgres")).await;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        connection.execute(cut).await.expect("the connections are cut");
    }

    /// Lets its databases only be read from the next transaction on, as one does that another has taken over from; or
    /// lets them be written to again.
    pub async fn set_read_only(&self, read_only: bool) {
        let mut connection = connect(&self.url("postgres")).await;
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {read_only}");
        for statement in [set.as_str(), "SELECT pg_reload_conf()"] {
            connection.execute(AssertSqlSafe(statement.to_owned())).await.expect("the setting");
        }
    }

    /// Has all of its processes stand still: it is there, and does not answer.
    pub fn pause(&self) {
        self.command("pause");
    }

    /// Has it go on after [`PostgresServer::pause`].
    pub fn resume(&self) {
        self.command("resume");
    }

    fn command(&self, command: &str) {
        let mut supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = supervisor.commands.as_mut().expect("the supervisor runs");
        writeln!(commands, "{command}").expect("the supervisor runs");
        assert_eq!(supervisor.answer(), "done");
    }
}

impl Supervisor {
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        line.trim().to_owned()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let supervisor = self.supervisor.get_mut().unwrap_or_else(PoisonError::into_inner);
        supervisor.commands = None;
        // It was told to end, and ends.
        _ = supervisor.process.wait();
    }
}

/// Creates an empty database on the server that all tests of this process share, and returns its URL.
pub async fn postgres_database() -> String {
    static SHARED: OnceLock<PostgresServer> = OnceLock::new();
    match std::env::var(GIVEN) {
        Ok(given) => create_database(&given).await,
        Err(_) => SHARED.get_or_init(PostgresServer::start).create_database().await,
    }
}

const NO_ROOM: [&str; 3] = [
    "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file: no space left' USING ERRCODE = 'disk_full'; END $$",
    "CREATE FUNCTION no_room_for_tables() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not create file: no space left' USING ERRCODE = 'disk_full'; END $$",
    "CREATE EVENT TRIGGER no_room ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS')
        EXECUTE FUNCTION no_room_for_tables()",
];
const ROOM: [&str; 3] = [
    "DROP EVENT TRIGGER no_room",
    "DROP FUNCTION no_room_for_tables()",
    // With its triggers.
    "DROP FUNCTION no_room() CASCADE",
];

/// Has a database refuse whatever would need room, as on a disk that is full. What fits where something else was goes on
/// there, too: the signs of life of nodes. It needs a user who may do everything.
pub async fn fill_disk(url: &str) {
    let mut connection = connect(url).await;
    let tables = "SELECT quote_ident(relname) FROM pg_class \
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'nodes'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.expect("tables");
    let triggers = tables.iter().map(|table| {
        format!(
            "CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION no_room()"
        )
    });
    let statements = NO_ROOM.into_iter().map(str::to_owned).chain(triggers);
    run_each(&mut connection, statements).await;
}

/// Takes back what [`fill_disk`] did.
pub async fn free_disk(url: &str) {
    let mut connection = connect(url).await;
    run_each(&mut connection, ROOM.into_iter().map(str::to_owned)).await;
}

/// Each is a transaction, and waits for those of the nodes; may be cut off by a deadlock with one, and comes again.
async fn run_each(connection: &mut PgConnection, statements: impl Iterator<Item = String>) {
    for statement in statements {
        until("a statement to come through", PATIENCE, async || {
            connection.execute(AssertSqlSafe(statement.clone())).await.ok()
        })
        .await;
    }
}

/// How many bytes a database takes on disk, and how long it takes to write all its rows once more, indexes included,
/// with one statement for each table, in one transaction. That is as fast as these rows can get there.
pub async fn measure_database(url: &str) -> (u64, Duration) {
    let mut connection = connect(url).await;
    let size = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class \
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let size: i64 = sqlx::query_scalar(size).fetch_one(&mut connection).await.expect("a size");
    let tables =
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.expect("tables");
    connection.execute("CREATE SCHEMA again").await.expect("a schema");
    for table in &tables {
        let copy = format!("CREATE TABLE again.{table} (LIKE public.{table} INCLUDING ALL)");
        connection.execute(AssertSqlSafe(copy)).await.expect("a table");
    }
    let start = Instant::now();
    let mut transaction = connection.begin().await.expect("a transaction");
    for table in &tables {
        let fill = format!("INSERT INTO again.{table} OVERRIDING SYSTEM VALUE SELECT * FROM public.{table}");
        transaction.execute(AssertSqlSafe(fill)).await.expect("rows");
    }
    transaction.commit().await.expect("a commit");
    let elapsed = start.elapsed();
    connection.execute("DROP SCHEMA again CASCADE").await.expect("no schema");
    (size.unsigned_abs(), elapsed)
}

/// Creates a database beside the one that a URL names, once the server answers.
async fn create_database(url: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("callboard_test_{}_{count}", std::process::id());
    let mut connection = connect(url).await;
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
    let (before, after) = url.split_once('?').map_or((url, None), |(before, after)| (before, Some(after)));
    let server = match before.rsplit_once('/') {
        Some((server, _)) if !server.ends_with('/') => server,
        _ => before,
    };
    after.map_or_else(|| format!("{server}/{name}"), |after| format!("{server}/{name}?{after}"))
}

async fn connect(url: &str) -> PgConnection {
    until("PostgreSQL to answer", PATIENCE, async || PgConnection::connect(url).await.ok()).await
}

/// A shell that may run the server and write to its folder.
fn shell(folder: &Path) -> Command {
    if run("id", &["-u"]).as_deref() != Some("0") {
        return Command::new("sh");
    }
    let user = UNPRIVILEGED.into_iter().find(|user| run("id", &["-u", user]).is_some());
    let user = user.expect("a user that is not root: PostgreSQL refuses to be run by root");
    let given = Command::new("chown").arg(user).arg(folder).status();
    assert!(given.expect("chown can be run").success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--clear-groups", "sh"]);
    command
}

/// Where the programs of the server are: beside `initdb` in the path, or where Debian puts them; the newest.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists()) {
        return Some(folder);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| {
        let version = version.ok()?;
        let number: f32 = version.file_name().to_str()?.parse().ok()?;
        let folder = version.path().join("bin");
        folder.join("initdb").exists().then_some((number, folder))
    });
    folders.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, folder)| folder)
}

/// The output of a program that succeeds.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
