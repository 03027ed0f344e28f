//! The Markdown table of a run, for docs/performance.md: one row per figure, with the reference, the aim, and whether
//! the aim is met. A line above the table describes the machine.

use std::{fs, process::Command, time::Duration};

/// One figure. A row that was skipped has the reason in `against`, and `None` in `met`.
pub struct Row {
    pub what: String,
    pub figure: String,
    pub against: String,
    pub aim: String,
    pub met: Option<bool>,
}

impl Row {
    pub fn at_least(what: impl Into<String>, figure: f64, against: impl Into<String>, aim: f64) -> Self {
        Self {
            what: what.into(),
            figure: format!("{figure:.2} ×"),
            against: against.into(),
            aim: format!("≥ {aim} ×"),
            met: Some(figure >= aim),
        }
    }

    pub fn at_most(what: impl Into<String>, figure: f64, against: impl Into<String>, aim: f64) -> Self {
        Self {
            what: what.into(),
            figure: format!("{figure:.2} ×"),
            against: against.into(),
            aim: format!("≤ {aim} ×"),
            met: Some(figure <= aim),
        }
    }

    pub fn bytes(what: impl Into<String>, figure: u64, against: impl Into<String>, aim: u64) -> Self {
        Self {
            what: what.into(),
            figure: format!("{figure} bytes"),
            against: against.into(),
            aim: format!("≤ {aim}"),
            met: Some(figure <= aim),
        }
    }

    pub fn skipped(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            figure: "skipped".into(),
            against: why.into(),
            aim: String::new(),
            met: None,
        }
    }

    /// Adds the number of failed answers. With failed answers, the aim is not met.
    pub fn failing(mut self, answers: usize) -> Self {
        if answers > 0 {
            self.figure = format!("{}; {answers} answers failed", self.figure);
            self.met = Some(false);
        }
        self
    }

    pub fn line(&self) -> String {
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "–",
        };
        let Self {
            what,
            figure,
            against,
            aim,
            ..
        } = self;
        format!("| {what} | {figure} | {against} | {aim} | {met} |")
    }
}

pub fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64()
}

/// The ratio of two numbers of bytes.
pub fn part(of: u64, to: u64) -> f64 {
    ratio(Duration::from_micros(of), Duration::from_micros(to))
}

/// A time as text, in seconds or milliseconds.
pub fn shown(time: Duration) -> String {
    if time >= Duration::from_secs(1) {
        format!("{:.2} s", time.as_secs_f64())
    } else {
        format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
    }
}

/// A description of the machine and of the versions of programs.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("?", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let package = |name: &str| {
        let text = read(&format!("benches/node/node_modules/{name}/package.json"));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        json["version"].as_str().unwrap_or("none").to_owned()
    };
    format!(
        "{cores} cores of {}, {} of memory, Linux {}; {}; {}; node {}, node-redis {}, ioredis {}; {}",
        field(&processors, "model name"),
        field(&memory, "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim(),
        version("rustc", "--version"),
        version("redis-server", "--version"),
        version("node", "--version"),
        package("redis"),
        package("ioredis"),
        version(&chromium().unwrap_or_else(|| "chromium".into()), "--version"),
    )
}

/// The path of the browser tests' Chromium, if it is installed.
pub fn chromium() -> Option<String> {
    let output = Command::new(".ci/chromium")
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn version(program: &str, flag: &str) -> String {
    let output = Command::new(program).arg(flag).output();
    let text = output.map_or_else(
        |_| format!("no {program}"),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    let words: Vec<_> = text.split_whitespace().take(3).collect();
    words.join(" ")
}
