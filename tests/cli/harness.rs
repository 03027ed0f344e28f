//! Runs the program on a ledger in a temporary directory.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use ledgerscope::{
    domain::{
        event::NewEvent,
        ids::{Domain, EntityId, LogName},
    },
    event_log::{self, Expected},
};
use serde_json::Value;
use tempfile::TempDir;

pub struct Cli {
    pub dir: TempDir,
}

/// An event as another program appends it.
pub struct Written {
    pub kind: &'static str,
    pub time: String,
    pub actor: Option<&'static str>,
    pub data: Value,
}

/// The result of a run of the program.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub bytes: Vec<u8>,
    pub stderr: String,
}

impl Cli {
    /// An empty ledger.
    pub fn new() -> Self {
        let cli = Self::bare();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for domain in Domain::ALL {
            let log = event_log::open(domain, &cli.store(domain.as_str())).unwrap();
            // The first call creates the store.
            runtime.block_on(log.feed_end()).unwrap();
        }
        cli
    }

    /// A directory without any store.
    pub fn bare() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// The URL of a store.
    pub fn store(&self, name: &str) -> String {
        format!("embedded:{}", self.dir.path().join(name).display())
    }

    /// A ledger with these imported lines.
    #[track_caller]
    pub fn with(lines: &str) -> Self {
        let cli = Self::new();
        let ran = cli.run_on(&["import", "-"], lines.as_bytes());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        cli
    }

    /// Appends to a stream of a log as another program would.
    pub fn append(&self, log: LogName, subject: &str, events: &[Written]) {
        let events: Vec<_> = (events.iter().enumerate())
            .map(|(number, event)| NewEvent {
                id: format!("{subject}-{number}"),
                r#type: event.kind.to_owned(),
                time: event.time.clone(),
                actor: event.actor.map(str::to_owned),
                idempotencykey: None,
                correlationid: None,
                causationid: None,
                data: event.data.to_string(),
                extra: Vec::new(),
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let log = event_log::open(log, &self.store(log.as_str())).unwrap();
        let id = EntityId::new(subject).unwrap();
        runtime.block_on(log.append(&id, Expected::Any, &events)).unwrap();
    }

    /// Checks which rows a list has, and their order. `expected` has flags, and the values of the field `id` of the
    /// rows, both separated by spaces.
    #[track_caller]
    pub fn expect(&self, list: &str, id: &str, expected: &[(&str, &str)]) {
        for (flags, rows) in expected {
            let flags: Vec<_> = flags.split_whitespace().collect();
            let ran = self.run(&[&[list, "--json"], &flags[..]].concat());
            assert_eq!(ran.code, Some(0), "{list} {flags:?}: {}", ran.stderr);
            let listed = ran.stdout().lines().map(serde_json::from_str::<Value>);
            let ids: Vec<_> = listed
                .map(|row| row.unwrap()[id].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(ids.join(" "), *rows, "{list} {flags:?}");
        }
    }

    /// The program with these arguments, without the settings of the environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerscope"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LEDGERSCOPE_")) {
            command.env_remove(name);
        }
        command
            .env("LEDGERSCOPE_WALLET_STORE", self.store("wallet"))
            .env("LEDGERSCOPE_ORDER_STORE", self.store("order"))
            .env("LEDGERSCOPE_COMPENSATION_STORE", self.store("compensation"))
            .env("LEDGERSCOPE_ACCESS_STORE", self.store("access"))
            .env("LEDGERSCOPE_READ_MODEL", self.dir.path().join("read-model"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_on(args, b"")
    }

    pub fn run_on(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(args).spawn().unwrap();
        // Writing fails if the program refuses its arguments and closes its input first.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code(),
            bytes: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON object that a command prints.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let values = self.json_lines(args);
        assert_eq!(values.len(), 1, "{values:?}");
        values.into_iter().next().unwrap()
    }

    #[track_caller]
    pub fn json_lines(&self, args: &[&str]) -> Vec<Value> {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Ran {
    pub fn stdout(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    /// Checks that the program failed with exactly one line on standard error, and printed nothing else.
    #[track_caller]
    pub fn refused(&self, code: i32, says: &str) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stdout(), "");
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.contains(says), "{}", self.stderr);
    }
}

/// A `CloudEvent` without a sequence. `day` is a day of January 2026.
pub fn event(id: &str, kind: &str, subject: &str, day: u32, data: &str) -> String {
    let source = kind.split('.').next().unwrap();
    format!(
        r#"{{"specversion":"1.0","source":"/{source}","subject":"{subject}","id":"{id}","type":"{kind}","time":"2026-01-{day:02}T10:00:00Z","data":{data}}}"#
    ) + "\n"
}

/// A line with a sequence added.
pub fn numbered(sequence: u64, line: &str) -> String {
    line.replacen(r#""data":"#, &format!(r#""sequence":"{sequence}","data":"#), 1)
}

/// Removes the `recordedtime` of all entries, so that the rest can be compared.
pub fn without_recorded(mut value: Value) -> Value {
    for entry in value["entries"].as_array_mut().unwrap() {
        let recorded = entry.as_object_mut().unwrap().remove("recordedtime").unwrap();
        let text = recorded.as_str().unwrap();
        assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
    }
    value
}
