//! The program as a process: the line that it prints, how it refuses to start, and how it stops.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Starts `ledgerscope serve` on its own stores.
fn serve(stores: &tempfile::TempDir, listen: &str) -> Child {
    command(stores, listen).spawn().unwrap()
}

fn command(stores: &tempfile::TempDir, listen: &str) -> Command {
    let store = |name: &str| format!("embedded:{}", stores.path().join(name).display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerscope"));
    command
        .arg("serve")
        .env("LEDGERSCOPE_LISTEN", listen)
        .env("LEDGERSCOPE_WALLET_STORE", store("wallet"))
        .env("LEDGERSCOPE_ORDER_STORE", store("order"))
        .env("LEDGERSCOPE_COMPENSATION_STORE", store("compensation"))
        .env("LEDGERSCOPE_ACCESS_STORE", store("access"))
        .env("LEDGERSCOPE_READ_MODEL", stores.path().join("read-model"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The exit code and the error of a server that does not start.
fn refusal(listen: &str) -> (Option<i32>, String) {
    let stores = tempfile::tempdir().unwrap();
    let output = serve(&stores, listen).wait_with_output().unwrap();
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn refuses_to_be_reachable_from_elsewhere() {
    for open in ["0.0.0.0:0", "[::]:0"] {
        let (code, complaint) = refusal(open);
        assert_eq!(code, Some(2), "{complaint}");
        assert_eq!(complaint.trim().lines().count(), 1, "{complaint}");
        assert!(
            complaint.contains(open) && complaint.contains("--public-url"),
            "{complaint}"
        );
    }
}

#[test]
fn refuses_a_public_address_with_demo_operators() {
    let stores = tempfile::tempdir().unwrap();
    let access = format!("embedded:{}", stores.path().join("access").display());
    let demo = Command::new(env!("CARGO_BIN_EXE_ledgerscope"))
        .args(["operator", "demo"])
        .env("LEDGERSCOPE_ACCESS_STORE", &access)
        .output()
        .unwrap();
    assert!(demo.status.success());
    let printed = String::from_utf8(demo.stdout).unwrap();
    assert!(printed.contains("demo-finance"), "{printed}");
    let output = Command::new(env!("CARGO_BIN_EXE_ledgerscope"))
        .args([
            "serve",
            "--listen",
            "0.0.0.0:0",
            "--public-url",
            "https://ledger.example.org",
        ])
        .env("LEDGERSCOPE_ACCESS_STORE", &access)
        .env("LEDGERSCOPE_LOG", "off")
        .current_dir(stores.path())
        .output()
        .unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("demo operators"), "{complaint}");
}

#[test]
fn reports_an_address_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, complaint) = refusal(&address);
    assert_eq!(code, Some(1), "{complaint}");
    assert!(
        complaint.contains(&address) && complaint.contains("--listen"),
        "{complaint}"
    );
}

#[test]
fn prints_its_address_and_stops_on_a_signal() {
    for signal in ["TERM", "INT"] {
        let stores = tempfile::tempdir().unwrap();
        let mut server = serve(&stores, "127.0.0.1:0");
        let mut stdout = BufReader::new(server.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("http://127.0.0.1:").unwrap();
        assert!(address.parse::<u16>().is_ok(), "{line}");

        let record = Command::new("kill")
            .args([&format!("-{signal}"), &server.id().to_string()])
            .status();
        assert!(record.unwrap().success());
        assert_eq!(exit_code(&mut server), Some(0), "after SIG{signal}");
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

/// The whole response to `GET path`.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_json_log_has_the_id_of_the_request() {
    let stores = tempfile::tempdir().unwrap();
    let mut server = command(&stores, "127.0.0.1:0")
        .env("LEDGERSCOPE_LOG", "info,tower_http=debug")
        .env("LEDGERSCOPE_LOG_FORMAT", "json")
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let answer = get(line.trim_end().strip_prefix("http://").unwrap(), "/sign-in");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: "));
    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    let output = server.wait_with_output().unwrap();
    let log: Vec<serde_json::Value> = String::from_utf8(output.stderr)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        log.iter()
            .all(|line| line["timestamp"].is_string() && line["level"].is_string())
    );
    let of_request = |line: &&serde_json::Value| line["span"]["path"] == "/sign-in" && line["fields"]["status"] == 200;
    let record = log.iter().find(of_request).unwrap();
    assert_eq!(record["span"]["id"].as_str(), id, "{record}");
}

/// Waits for the end of the process, with a timeout.
fn exit_code(server: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = server.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > Duration::from_secs(20) {
            server.kill().unwrap();
            panic!("it does not stop");
        }
        sleep(Duration::from_millis(10));
    }
}
