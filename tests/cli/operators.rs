//! Operators and the audit trail from the command line.

use serde_json::{Value, json};

use crate::{harness::Cli, redis_server::RedisServer};

const PASSWORD: &str = "correct horse battery";

impl Cli {
    #[track_caller]
    fn add(&self, args: &[&str]) -> String {
        let args = [&["operator", "add"], args].concat();
        let ran = self.run_on(&args, format!("{PASSWORD}\n").as_bytes());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout().to_owned()
    }

    /// The act, the subject and the outcome of each entry of the audit trail.
    #[track_caller]
    fn trail(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.json_lines(&["audit", "export"])
            .iter()
            .map(|line| (text(&line["act"]), text(&line["subject"]), text(&line["outcome"])))
            .collect()
    }
}

#[test]
fn an_operator_is_added_listed_disabled_and_enabled() {
    let cli = Cli::new();
    assert_eq!(cli.run(&["operator", "list"]).code, Some(0));
    let output = cli.add(&[
        "ada",
        "--role",
        "finance",
        "--name",
        "Ada L.",
        "--limit",
        "EUR=500/2000",
        "--limit",
        "JPY=9/10",
    ]);
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines.len(), 2, "{output}");
    assert_eq!(lines[0], "ada is added as finance");
    let password = lines[1].strip_prefix("password: ").unwrap();
    assert_eq!((password.len(), password.split('-').count()), (29, 6));
    let money = |amount, currency| json!({"amount": amount, "currency": currency});
    let row = json!({
        "name": "ada", "title": "Ada L.", "role": "finance", "disabled": false, "demo": false, "totp": false,
        "limits": [
            {"single": money("500.00", "EUR"), "daily": money("2000.00", "EUR")},
            {"single": money("9", "JPY"), "daily": money("10", "JPY")},
        ],
    });
    assert_eq!(cli.json(&["operator", "list", "--json"]), row);
    assert_eq!(cli.run(&["operator", "disable", "ada"]).code, Some(0));
    assert_eq!(cli.json(&["operator", "list", "--json"])["disabled"], json!(true));
    assert!(cli.run(&["operator", "list"]).stdout().contains("disabled"));
    assert_eq!(cli.run(&["operator", "enable", "ada"]).code, Some(0));
    assert_eq!(
        cli.run(&["operator", "limits", "ada", "--limit", "USD=1/2"]).code,
        Some(0)
    );
    let changed = cli.json(&["operator", "list", "--json"]);
    assert_eq!(
        changed["limits"],
        json!([{"single": money("1.00", "USD"), "daily": money("2.00", "USD")}])
    );
    assert_eq!(changed["disabled"], json!(false));
}

#[test]
fn only_a_generated_password_is_printed() {
    let cli = Cli::new();
    assert!(
        !cli.add(&["ada", "--role", "viewer", "--password-stdin"])
            .contains("password")
    );
    let output = cli.run(&["operator", "reset", "ada"]);
    let first = output.stdout().lines().nth(1).unwrap().to_owned();
    let again = cli.run(&["operator", "reset", "ada"]);
    assert_ne!(again.stdout().lines().nth(1), Some(first.as_str()));
    for args in [
        &["operator", "list"][..],
        &["operator", "list", "--json"],
        &["audit", "export"],
    ] {
        let ran = cli.run(args);
        for hidden in ["argon2", PASSWORD, first.trim_start_matches("password: ")] {
            assert!(!ran.stdout().contains(hidden), "{args:?}: {hidden}");
        }
    }
}

#[test]
fn an_authenticator_can_be_added_and_removed() {
    let cli = Cli::new();
    let output = cli.add(&["ada", "--role", "admin", "--totp"]);
    let uri = output.lines().last().unwrap();
    assert!(
        uri.starts_with("authenticator: otpauth://totp/Ledgerscope:ada?secret="),
        "{uri}"
    );
    let secret = uri.split(['=', '&']).nth(1).unwrap();
    assert_eq!(secret.len(), 32);
    assert_eq!(cli.json(&["operator", "list", "--json"])["totp"], json!(true));
    let listed = [
        cli.run(&["operator", "list", "--json"]),
        cli.run(&["operator", "list"]),
        cli.run(&["audit", "export"]),
    ];
    assert!(listed.iter().all(|ran| !ran.stdout().contains(secret)));
    let other = cli.run(&["operator", "reset", "ada", "--totp"]);
    assert!(other.stdout().contains("otpauth://") && !other.stdout().contains(secret));
    assert_eq!(cli.run(&["operator", "reset", "ada", "--no-totp"]).code, Some(0));
    assert_eq!(cli.json(&["operator", "list", "--json"])["totp"], json!(false));
}

#[test]
fn invalid_arguments_are_refused() {
    let cli = Cli::new();
    cli.add(&["ada", "--role", "viewer"]);
    cli.run(&["operator", "add", "ada", "--role", "admin"])
        .refused(1, "already an operator ada");
    cli.run(&["operator", "disable", "kim"]).refused(1, "no operator kim");
    cli.run(&["operator", "limits", "ada", "--limit", "EUR=1/2"])
        .refused(2, "can't issue");
    cli.run(&["operator", "add", "kim", "--role", "finance", "--limit", "EUR=2/1"])
        .refused(2, "not below");
    cli.run_on(
        &["operator", "add", "kim", "--role", "finance", "--password-stdin"],
        b"short\n",
    )
    .refused(2, "12 to 128");
    for args in [
        &["operator"][..],
        &["operator", "add", "Kim", "--role", "viewer"],
        &["operator", "add", "kim"],
        &["operator", "add", "kim", "--role", "owner"],
        &["operator", "add", "kim", "--role", "finance", "--limit", "EUR=1"],
        &["operator", "reset", "ada", "--totp", "--no-totp"],
        &["operator", "list", "--access-store", "ftp://x"],
        &["audit"],
    ] {
        assert_eq!(cli.run(args).code, Some(2), "{args:?}");
    }
    assert_eq!(cli.json_lines(&["operator", "list", "--json"]).len(), 1);
}

#[test]
fn demo_operators_are_added_once() {
    let cli = Cli::new();
    let output = cli.run(&["operator", "demo"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let rows = cli.json_lines(&["operator", "list", "--json"]);
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "demo-admin",
            "demo-finance",
            "demo-finance2",
            "demo-support",
            "demo-viewer"
        ]
    );
    for row in &rows {
        assert_eq!(row["demo"], json!(true));
        assert!(output.stdout().contains(row["name"].as_str().unwrap()));
        let limits = row["limits"].as_array().unwrap().len();
        assert_eq!(limits, if row["role"] == "finance" { 3 } else { 0 });
    }
    let again = cli.run(&["operator", "demo"]);
    assert_eq!(again.code, Some(0));
    assert!(again.stdout().contains("no demo operator was added"));
    assert_eq!(cli.json_lines(&["operator", "list", "--json"]).len(), 5);
}

#[test]
fn every_act_is_in_the_audit_trail_and_changes_are_detected() {
    let cli = Cli::new();
    cli.add(&["ada", "--role", "viewer"]);
    cli.run(&["operator", "disable", "kim"]).refused(1, "no operator kim");
    let entry = |act: &str, subject: &str, outcome: &str| (act.to_owned(), subject.to_owned(), outcome.to_owned());
    assert_eq!(
        cli.trail(),
        [
            entry("operator.add", "operator ada", "asked"),
            entry("operator.add", "operator ada", "done"),
            entry("operator.disable", "operator kim", "asked"),
            entry("operator.disable", "operator kim", "refused"),
            entry("audit.export", "", "done"),
        ]
    );
    let first = &cli.json_lines(&["audit", "export"])[0];
    assert!(first["actor"].as_str().unwrap().starts_with("cli:"));
    let verified = cli.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert!(
        verified.stdout().starts_with("unbroken: 6 entries on "),
        "{}",
        verified.stdout()
    );

    // Somebody with access to the file changes an entry.
    let file = rusqlite::Connection::open(cli.dir.path().join("access/events.sqlite3")).unwrap();
    let sql = "UPDATE events SET actor = 'cli:nobody' WHERE type = 'audit.recorded' AND sequence = 2";
    assert_eq!(file.execute(sql, []).unwrap(), 1);
    // A row that differs from its checksum can't be read. To change a row unnoticed, the checksums must be removed,
    // too.
    let verified = cli.run(&["audit", "verify"]);
    assert_ne!(verified.code, Some(0));
    assert!(verified.stderr.contains("its checksum differs"), "{}", verified.stderr);
    file.execute_batch(
        "PRAGMA ignore_check_constraints = ON;
         UPDATE store SET checksums_from = 1000000;
         UPDATE events SET checksum = NULL;",
    )
    .unwrap();
    cli.run(&["audit", "verify"])
        .refused(1, "the audit trail is broken at AUD-");
}

#[test]
fn a_store_that_is_down_is_exit_code_three_and_a_redis_store_works() {
    let cli = Cli::new();
    for args in [
        &["operator", "list"][..],
        &["operator", "disable", "ada"],
        &["audit", "verify"],
        &["audit", "export"],
    ] {
        let ran = cli.run(&[args, &["--access-store", "redis://127.0.0.1:1"]].concat());
        ran.refused(3, "access store");
    }
    let server = RedisServer::start();
    let url = server.url();
    let on_redis = |args: &[&str]| cli.run(&[args, &["--access-store", &url]].concat());
    assert_eq!(on_redis(&["operator", "add", "ada", "--role", "viewer"]).code, Some(0));
    assert!(on_redis(&["operator", "list"]).stdout().contains("ada"));
    assert_eq!(on_redis(&["audit", "verify"]).code, Some(0));
}
