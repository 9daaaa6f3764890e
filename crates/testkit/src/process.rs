use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::until;

const PATIENCE: Duration = Duration::from_mins(1);

/// A catalog server as a process of its own, with a folder for its database. It is killed when this is dropped.
pub struct ServerProcess {
    binary: PathBuf,
    folder: TempDir,
    port: u16,
    role: Option<String>,
    client: Client,
    child: Option<Child>,
    max_files: Option<u32>,
    outlives_full_files: bool,
    config_files: Vec<PathBuf>,
    environment: Vec<(String, String)>,
    working_directory: Option<PathBuf>,
}

impl ServerProcess {
    /// A server that is not started yet. `config` is its configuration; port and database are filled in.
    pub fn new(binary: impl Into<PathBuf>, config: Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let connection = serde_json::json!({ "directory": folder.path().join("database") });
        Self::with_connection(binary.into(), config, folder, &connection)
    }

    /// The same with a database in memory, which is gone when the process ends.
    pub fn in_memory(binary: impl Into<PathBuf>, config: Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        Self::with_connection(binary.into(), config, folder, &":memory:".into())
    }

    /// The same on the PostgreSQL database that a URL names; several may share one.
    pub fn on_postgres(binary: impl Into<PathBuf>, config: Value, url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let database = serde_json::json!({
            "client": "pg",
            "connection": {},
            "plugin": { "catalog": { "connection": url } },
        });
        Self::with_database(binary.into(), config, folder, &database)
    }

    fn with_connection(binary: PathBuf, config: Value, folder: TempDir, connection: &Value) -> Self {
        let database = serde_json::json!({ "client": "better-sqlite3", "connection": connection });
        Self::with_database(binary, config, folder, &database)
    }

    fn with_database(binary: PathBuf, mut config: Value, folder: TempDir, database: &Value) -> Self {
        // Only the first call installs; later ones find it done.
        _ = rustls::crypto::ring::default_provider().install_default();
        let port = free_port();
        config["backend"]["listen"] = serde_json::json!({ "host": "127.0.0.1", "port": port });
        config["backend"]["database"] = database.clone();
        // JSON is YAML.
        std::fs::write(folder.path().join("app-config.yaml"), config.to_string()).expect("a configuration");
        let client = Client::builder().no_proxy().build().expect("an HTTP client");
        Self {
            binary,
            folder,
            port,
            role: None,
            client,
            child: None,
            max_files: None,
            outlives_full_files: false,
            config_files: Vec::new(),
            environment: Vec::new(),
            working_directory: None,
        }
    }

    /// Sets what the node does, of several on one database.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    /// The folder with configuration, database and log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the catalog's API is.
    pub fn api(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/api/catalog{path}", self.port)
    }

    /// Lets it have so many files and sockets open at a time.
    pub fn limit_files(&mut self, max_files: u32) {
        self.max_files = Some(max_files);
    }

    /// Lets it live when a file may grow no further, so that [`ServerProcess::limit_file_size`] can be used: its writes
    /// fail then as on a disk that is full.
    #[must_use]
    pub fn outliving_full_files(mut self) -> Self {
        self.outlives_full_files = true;
        self
    }

    /// Lets the process, which runs, write no file beyond so many bytes; `None` for any size. Linux only.
    pub async fn limit_file_size(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        // What is before the colon can be raised again by anybody.
        let set = Command::new("prlimit")
            .args(["--pid", &self.id().to_string(), &format!("--fsize={limit}:")])
            .status()
            .await;
        assert!(set.expect("prlimit can be run").success());
    }

    /// Sends the process, which runs, a signal such as `STOP`.
    pub async fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.id().to_string()]).status().await;
        assert!(sent.expect("kill can be run").success());
    }

    /// Has it read a configuration file before its own configuration, which lies over it.
    #[must_use]
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.config_files.push(file.into());
        self
    }

    /// Starts it in this folder, which relative paths of its configuration are relative to.
    #[must_use]
    pub fn working_directory(mut self, folder: impl Into<PathBuf>) -> Self {
        self.working_directory = Some(folder.into());
        self
    }

    /// Gives it a variable of the environment.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the process, without waiting for anything.
    pub fn spawn(&mut self) {
        let own = self.folder.path().join("app-config.yaml");
        let files = self.config_files.clone().into_iter().chain([own]);
        let arguments: Vec<OsString> =
            files.flat_map(|file| ["--config".into(), file.into_os_string()]).collect();
        self.spawn_with(&arguments.iter().map(OsString::as_os_str).collect::<Vec<_>>());
    }

    /// Starts the process as a newcomer does, without a configuration.
    pub fn spawn_example(&mut self) {
        self.spawn_with(&["--port".as_ref(), self.port.to_string().as_ref()]);
    }

    fn spawn_with(&mut self, arguments: &[&OsStr]) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log"));
        let limits = self.max_files.map(|max_files| format!("ulimit -n {max_files} && "));
        // What is ignored stays so in the program that takes the place of the shell.
        let signals = self.outlives_full_files.then(|| "trap '' XFSZ && ".to_owned());
        let script: String = limits.into_iter().chain(signals).collect();
        let mut command = if script.is_empty() {
            Command::new(&self.binary)
        } else {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("{script}exec \"$0\" \"$@\"")]).arg(&self.binary);
            shell
        };
        if let Some(folder) = &self.working_directory {
            command.current_dir(folder);
        }
        let child = command
            .arg("serve")
            .args(arguments)
            .args(self.role.iter().flat_map(|role| ["--role", role]))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log file"))
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("the server starts"));
    }

    /// Starts the process and waits until it answers.
    pub async fn start(&mut self) {
        self.spawn();
        let ready = format!("http://127.0.0.1:{}/.backstage/health/v1/readiness", self.port);
        until("the server to be ready", PATIENCE, async || {
            let answer = self.client.get(&ready).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// A GET of the catalog's API.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.api(path))
    }

    /// A GET of anything the server answers.
    pub fn root(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("http://127.0.0.1:{}{path}", self.port))
    }

    /// A POST to the catalog's API.
    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.api(path)).json(body)
    }

    /// A PUT to the catalog's API.
    pub fn put(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.put(self.api(path)).json(body)
    }

    /// A DELETE of the catalog's API.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(self.api(path))
    }

    /// The JSON that a GET answers; `None` if it does not answer well.
    pub async fn json(&self, path: &str) -> Option<Value> {
        let answer = self.get(path).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.json().await.ok()
    }

    /// Ends the process at once, without warning, as a crash would.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("the server can be killed");
        }
    }

    /// Whether the process runs; it may have ended by itself.
    pub fn is_running(&mut self) -> bool {
        let running = |child: &mut Child| matches!(child.try_wait(), Ok(None));
        if !self.child.as_mut().is_some_and(running) {
            self.child = None;
        }
        self.child.is_some()
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        StoppingProcess(self.child.take().expect("the server runs")).ended().await
    }

    /// Asks the process to stop, and waits until it has.
    pub async fn stop(&mut self) -> ExitStatus {
        self.ask_to_stop().await.ended().await
    }

    /// Asks the process to stop, without waiting.
    pub async fn ask_to_stop(&mut self) -> StoppingProcess {
        let child = self.child.take().expect("the server runs");
        let id = child.id().expect("the server has not ended by itself");
        let asked = Command::new("kill").arg(id.to_string()).status().await;
        assert!(asked.expect("kill can be run").success());
        StoppingProcess(child)
    }

    /// The number that the kernel knows the process by.
    pub fn id(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("the server runs")
    }

    /// What the process has used so far, as the kernel counts it. Linux only.
    pub fn process_usage(&self) -> ProcessUsage {
        let id = self.id();
        let read =
            |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).expect("a process file");
        let status = read("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
        let stat = read("stat");
        // User and system time are the 14th and 15th field; the second is a name in parentheses.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        ProcessUsage { cpu: Duration::from_millis(ticks * 10), peak_memory_bytes: kilobytes * 1024 }
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// A process that was asked to stop. It is killed when this is dropped.
pub struct StoppingProcess(Child);

impl StoppingProcess {
    /// Waits until it has stopped.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.0.wait()).await;
        ended.expect("the server stops when it is asked to").expect("the server can be waited for")
    }
}

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub struct ProcessUsage {
    /// Time on any core, in the process and in the kernel for it; in steps of 10 ms.
    pub cpu: Duration,
    /// The most memory it had at any time.
    pub peak_memory_bytes: u64,
}

/// A port of the loopback address that nobody uses at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
