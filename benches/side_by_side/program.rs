//! The program under test: a server process on stores of the bench, operators with sessions, and its metrics. Only
//! whether the search indexes are built is read from the database file, because the program does not publish it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use chrono::Utc;
use ledgerscope::{
    app_state::AccessStore,
    auth::{Rules, operators::NewOperator},
    domain::{
        access::{Limit, Role, Secret},
        money::Money,
    },
    event_log::system_clock,
};
use rusqlite::{Connection, OpenFlags};

use super::{http::Client, redis_server::free_port};

/// The longest time of a start, including reading the stores.
const START_MAX: Duration = Duration::from_mins(15);
/// The pause of [`settle`].
const SETTLING: Duration = Duration::from_secs(4);
/// The interval of readiness probes of a starting server. It is the error of measured start times.
const POLL: Duration = Duration::from_millis(2);

/// The stores and the read model of a server.
pub struct Home {
    directory: tempfile::TempDir,
    wallet: Option<String>,
    order: Option<String>,
    compensation: Option<String>,
    access: Option<String>,
    pub cookie: String,
}

/// The session of an operator.
#[derive(Clone)]
pub struct Session {
    pub cookie: String,
    pub form_token: String,
}

impl Home {
    /// A home with empty embedded stores and one finance operator.
    pub async fn new() -> Self {
        Self::with(None, None, None, None).await
    }

    /// A home with stores at these URLs; `None` is an empty embedded store.
    pub async fn with(
        wallet: Option<String>,
        order: Option<String>,
        compensation: Option<String>,
        access: Option<String>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut home = Self {
            directory,
            wallet,
            order,
            compensation,
            access,
            cookie: String::new(),
        };
        home.cookie = home.people("reader", 1).await.remove(0).cookie;
        home
    }

    fn store(&self, url: Option<&String>, name: &str) -> String {
        let directory = self.directory.path().join(name);
        url.cloned()
            .unwrap_or_else(|| format!("embedded:{}", directory.display()))
    }

    pub fn read_model(&self) -> PathBuf {
        self.directory.path().join("read-model")
    }

    /// The database file of the current read model.
    pub fn database(&self) -> PathBuf {
        let number = fs::read_to_string(self.read_model().join("current")).unwrap();
        self.read_model().join(format!("read_model.{}.sqlite3", number.trim()))
    }

    /// Removes the read model, so that the next server fills a new one.
    pub fn forget(&self) {
        let _ = fs::remove_dir_all(self.read_model());
    }

    /// Waits until the search indexes have every row and the index of ids every id. The server builds them after it is
    /// ready.
    pub async fn searchable(&self) {
        let begin = Instant::now();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.database(), flags).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        let built = || {
            let count = "SELECT count(*) FROM source WHERE searchable = ?1 AND NOT EXISTS (SELECT 1 FROM id_batch)";
            connection
                .query_row(count, [i64::MAX], |row| row.get::<_, i64>(0))
                .unwrap()
                == 2
        };
        while !built() {
            assert!(begin.elapsed() < START_MAX, "the search indexes do not get ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Adds finance operators with high limits, and opens a session for each.
    pub async fn people(&self, prefix: &str, count: usize) -> Vec<Session> {
        let access = AccessStore::open(
            &self.store(self.access.as_ref(), "access"),
            system_clock(),
            Rules::default(),
        )
        .unwrap();
        let limit = Limit {
            single: Money::parse("1000000", "EUR".parse().unwrap()).unwrap(),
            daily: Money::parse("1000000000", "EUR".parse().unwrap()).unwrap(),
        };
        let mut sessions = Vec::new();
        for number in 0..count {
            let operator = NewOperator {
                name: format!("{prefix}{number}").parse().unwrap(),
                title: None,
                role: Role::Finance,
                limits: vec![limit],
                password: Some(Secret("correct horse battery staple".to_owned())),
                totp: false,
                demo: false,
            };
            let name = operator.name.clone();
            access.auth.operators().add(operator, "bench").await.unwrap();
            let operator = access.auth.operators().find(&name).await.unwrap().unwrap();
            let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let (token, record) = access.auth.sessions().open(&operator, from, Utc::now()).await.unwrap();
            sessions.push(Session {
                cookie: format!("ledgerscope={token}"),
                form_token: record.form_token,
            });
        }
        sessions
    }

    pub fn command(&self, program: &Path, core: Option<usize>) -> Command {
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .env("LEDGERSCOPE_WALLET_STORE", self.store(self.wallet.as_ref(), "wallet"))
            .env("LEDGERSCOPE_ORDER_STORE", self.store(self.order.as_ref(), "order"))
            .env(
                "LEDGERSCOPE_COMPENSATION_STORE",
                self.store(self.compensation.as_ref(), "compensation"),
            )
            .env("LEDGERSCOPE_ACCESS_STORE", self.store(self.access.as_ref(), "access"))
            .env("LEDGERSCOPE_READ_MODEL", self.read_model())
            .env("LEDGERSCOPE_LOG", "error")
            .env_remove("LEDGERSCOPE_WALLET_QUEUE")
            .env_remove("LEDGERSCOPE_ORDER_QUEUE");
        command
    }

    /// Starts the server and waits until it is ready.
    pub async fn serve(&self) -> Server {
        self.serve_on(None).await
    }

    /// Like [`Self::serve`], on one core only.
    pub async fn serve_on(&self, core: Option<usize>) -> Server {
        let begin = Instant::now();
        let figures = free_port();
        let mut child = self
            .command(Path::new(env!("CARGO_BIN_EXE_ledgerscope")), core)
            .args(["serve", "--listen", "127.0.0.1:0", "--site", "target/site"])
            .args(["--reads-a-minute", "100000000", "--writes-a-minute", "100000000"])
            .args(["--strangers-a-minute", "100000000"])
            .args(["--metrics-listen", &format!("127.0.0.1:{figures}")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        let mut server = Server {
            port: port.expect("the address that it serves at"),
            figures,
            child,
            ready_after: Duration::ZERO,
        };
        let mut client = Client::connect(server.port, &self.cookie).await.unwrap();
        while !is_ready(&mut client).await {
            assert!(begin.elapsed() < START_MAX, "the server does not get ready");
            tokio::time::sleep(POLL).await;
        }
        server.ready_after = begin.elapsed();
        server
    }
}

/// Whether the server has read its stores: by `/readyz`, or by the health of the stores if the server has no such
/// probe.
async fn is_ready(client: &mut Client) -> bool {
    match client.get("/readyz").await.unwrap().status {
        200 => true,
        503 => false,
        _ => {
            let health = client.post("/api/health", "application/json", "{}").await.unwrap();
            assert_eq!(health.status, 200, "{}", health.text());
            let stores = health.json();
            stores.as_array().unwrap().iter().all(|store| store["state"] == "live")
        }
    }
}

pub struct Server {
    pub port: u16,
    /// The port of the metrics.
    figures: u16,
    pub ready_after: Duration,
    child: Child,
}

impl Server {
    /// The resident memory in bytes.
    pub fn resident(&self) -> u64 {
        resident(self.child.id())
    }

    /// A kept connection with a session.
    pub async fn client(&self, home: &Home) -> Client {
        Client::connect(self.port, &home.cookie).await.unwrap()
    }

    /// The value of a metric, summed over all labels.
    pub async fn figure(&self, name: &str) -> u64 {
        let mut client = Client::connect(self.figures, "").await.unwrap();
        let answer = client.get("/metrics").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        let lines = text.lines().filter_map(|line| line.strip_prefix(name));
        let values = lines.filter_map(|rest| rest.starts_with(['{', ' ']).then(|| rest.rsplit_once(' '))?);
        values.map(|(_, value)| value.parse::<u64>().unwrap()).sum()
    }

    /// Stops the server with SIGTERM. Returns the time that this took.
    pub fn stop(mut self) -> Duration {
        let begin = Instant::now();
        terminate(&mut self.child);
        begin.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits until a ready server has freed the memory that reading took.
pub async fn settle() {
    tokio::time::sleep(SETTLING).await;
}

pub fn terminate(child: &mut Child) {
    Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    child.wait().unwrap();
}

pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
