//! A Redis server for one test: on a free port of the loopback, in a temporary directory, removed on drop. It can be
//! stopped and started again on the same port with the same data. Include it with `#[path = "common/redis.rs"] mod
//! redis_server;`.
#![allow(dead_code, reason = "no test uses all of it")]

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a server may take to answer after its start.
const START_MAX: Duration = Duration::from_secs(20);

pub struct RedisServer {
    port: u16,
    dir: TempDir,
    options: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with options of the command line, such as `["--maxmemory", "5mb"]`.
    pub fn start_with(options: &[&str]) -> Self {
        let mut server = Self {
            port: 0,
            dir: tempfile::tempdir().expect("a temporary directory"),
            options: options.iter().map(|&option| option.into()).collect(),
            child: None,
        };
        // Another process may take the free port before the server binds it.
        for _ in 0..10 {
            server.port = free_port();
            if server.try_resume() {
                return server;
            }
        }
        panic!("redis-server did not start: {}", server.log_text());
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// A plain connection, to write as another program would.
    pub fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url())
            .and_then(|client| client.get_connection())
            .expect("a connection to the test's own redis-server")
    }

    /// Sends one command as another program would. The answer is ignored; an error panics.
    pub fn run(&self, command: &[&str]) {
        let mut cmd = redis::cmd(command[0]);
        for argument in &command[1..] {
            cmd.arg(argument);
        }
        cmd.exec(&mut self.connection())
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    }

    /// Kills the server as a crash would. Acknowledged writes are kept.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the test's own redis-server");
            child.wait().expect("the test's own redis-server");
        }
    }

    /// Starts the server again after [`Self::kill`], on the same port with the same data.
    pub fn resume(&mut self) {
        let started = (0..10).any(|_| self.try_resume());
        assert!(started, "redis-server did not start: {}", self.log_text());
    }

    fn try_resume(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "yes", "--appendfsync", "no"])
            .args(["--logfile", "redis.log", "--daemonize", "no"])
            .args(&self.options)
            .arg("--dir")
            .arg(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| {
            panic!(
                "redis-server can't be run ({error}); these tests need it: install it with \
                 'apt-get install redis-server', or see https://redis.io/docs/latest/operate/oss_and_stack/install/"
            )
        });
        let child = self.child.insert(child);
        let process = format!("process_id:{}\r\n", child.id());
        let begin = Instant::now();
        while begin.elapsed() < START_MAX {
            if child.try_wait().expect("a child's state").is_some() {
                break;
            }
            if info(self.port).is_some_and(|info| info.contains(&process) || info.starts_with("-NOAUTH")) {
                return true;
            }
            sleep(Duration::from_millis(5));
        }
        self.kill();
        false
    }

    fn log_text(&self) -> String {
        let text = std::fs::read_to_string(self.dir.path().join("redis.log")).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(5).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nothing listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// The `INFO` of the server, once it has loaded its data. A server with a password answers only `-NOAUTH`.
fn info(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(b"PING\r\nINFO server\r\nQUIT\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    (text.starts_with("+PONG") || text.starts_with("-NOAUTH")).then_some(text)
}
