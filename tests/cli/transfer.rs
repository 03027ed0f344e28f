//! `import` and `export`: an export equals what was imported, a repeated import adds nothing, and lines that can't be
//! imported are reported.

use std::fs;

use crate::harness::{Cli, event, numbered};

fn opened(id: &str, subject: &str) -> String {
    event(
        id,
        "wallet.opened",
        subject,
        1,
        r#"{"owner":{"id":"C"},"currency":"EUR"}"#,
    )
}

#[track_caller]
fn import(cli: &Cli, lines: &str, code: i32, says: &str) -> String {
    let ran = cli.run_on(&["import", "-"], lines.as_bytes());
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    assert_eq!(ran.stdout(), "");
    ran.stderr
}

#[test]
fn an_export_imported_elsewhere_is_the_same_export() {
    let odd = r#"{"specversion":"1.0","source":"/order","subject":"o.1","id":"x y","type":"order.placed.v9","time":"2026-01-01T01:00:00.5+01:00","actor":"Zoë","idempotencykey":"k","correlationid":"","causationid":"c","tenant":"é","data":{ "n": 1.50, "n": 2, "s": "\u00e9\n" }}"#;
    let cli = Cli::with(
        &[
            &opened("a", "W-2"),
            odd,
            "\n\n",
            &opened("b", "W-1"),
            &opened("c", "W-2"),
        ]
        .concat(),
    );
    let first = cli.run(&["export"]);
    assert_eq!(first.code, Some(0));
    let subjects: Vec<_> = first
        .stdout()
        .lines()
        .map(|line| line.split('"').nth(11).unwrap())
        .collect();
    assert_eq!(subjects, ["o.1", "W-1", "W-2", "W-2"]);
    assert!(
        first
            .stdout()
            .contains(r#""data":{ "n": 1.50, "n": 2, "s": "\u00e9\n" }"#)
    );
    assert!(first.stdout().contains(r#""time":"2026-01-01T01:00:00.5+01:00""#));
    let second = Cli::with(first.stdout());
    assert_eq!(second.run(&["export"]).bytes, first.bytes);
}

#[test]
fn gzip_and_files_carry_the_same_lines() {
    let cli = Cli::with(&[opened("a", "W-1"), opened("b", "W-2")].concat());
    let path = cli.dir.path().join("out.gz");
    let name = path.to_str().unwrap();
    assert_eq!(cli.run(&["export", "--gzip", "-o", name]).code, Some(0));
    let zipped = fs::read(&path).unwrap();
    assert_eq!(zipped[..2], [0x1f, 0x8b]);
    let by_file = Cli::new();
    assert_eq!(by_file.run(&["import", name]).code, Some(0));
    let by_stdin = Cli::new();
    assert_eq!(by_stdin.run_on(&["import", "-"], &zipped).code, Some(0));
    for other in [by_file, by_stdin] {
        assert_eq!(other.run(&["export"]).bytes, cli.run(&["export"]).bytes);
    }
    assert_eq!(
        cli.run(&["export", "--domain", "wallet", "W-2"])
            .stdout()
            .lines()
            .count(),
        1
    );
}

#[test]
fn a_repeated_import_adds_nothing_with_and_without_sequences() {
    let plain: String = (0..2_500)
        .map(|n| opened(&format!("e{n}"), &format!("W-{}", n % 3)))
        .collect();
    let cli = Cli::new();
    // As if a first import had been interrupted.
    let half: String = plain.lines().take(1_300).flat_map(|line| [line, "\n"]).collect();
    import(&cli, &half, 0, "1300 appended, 0 already there, 0 refused");
    import(&cli, &plain, 0, "1200 appended, 1300 already there, 0 refused");
    import(&cli, &plain, 0, "0 appended, 2500 already there, 0 refused");
    let exported = cli.run(&["export"]);
    import(&cli, exported.stdout(), 0, "0 appended, 2500 already there, 0 refused");
    import(
        &Cli::new(),
        &[&plain[..], &plain[..]].concat(),
        0,
        "2500 appended, 2500 already there",
    );
}

#[test]
fn an_event_is_appended_at_its_sequence() {
    let cli = Cli::new();
    let line = |sequence, id: &str| numbered(sequence, &opened(id, "W-1"));
    import(
        &cli,
        &[line(3, "c"), line(2, "b"), line(1, "a")].concat(),
        0,
        "3 appended",
    );
    let found = cli.json(&["wallet", "W-1", "--json"]);
    let ids: Vec<_> = found["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["id"].clone())
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
    import(&cli, &line(2, "b"), 0, "0 appended, 1 already there, 0 refused");
    import(
        &cli,
        &line(2, "other"),
        1,
        "-:1: event number 2 of W-1 is another event, b",
    );
    import(
        &cli,
        &line(4, "a"),
        1,
        "-:1: event a is already in W-1, with another number",
    );
    import(
        &cli,
        &[line(6, "f"), line(4, "d")].concat(),
        1,
        "-:1: event number 5, which must come before it, is missing",
    );
    import(&cli, &[line(6, "f"), line(5, "e")].concat(), 0, "2 appended");
}

#[test]
fn a_refused_line_does_not_stop_the_rest() {
    let cli = Cli::new();
    let big = event(
        "big",
        "wallet.opened",
        "W-1",
        1,
        &format!(r#"{{"x":"{}"}}"#, "x".repeat(70_000)),
    );
    let lines = [
        &opened("a", "W-1"),
        "nonsense\n",
        &opened("b", "W 1"),
        &opened("c", "W-1").replace("1.0", "2.0"),
        &big,
        &opened("e", "W-1").replace("2026-01-01", "someday"),
        &opened("f", "W-1"),
    ]
    .concat();
    let stderr = import(&cli, &lines, 1, "2 appended, 0 already there, 5 refused");
    for place in [
        "-:2: not a JSON",
        "-:3: 'subject'",
        "-:4: 'specversion'",
        "-:5: the event big has",
        "-:6: 'time'",
    ] {
        assert!(stderr.contains(place), "{place}: {stderr}");
    }
    assert_eq!(cli.json(&["wallet", "W-1", "--json"])["sequence"], 2);
}

#[test]
fn a_used_idempotency_key_gives_each_line_its_own_result() {
    let keyed = |id: &str, key: &str, data: &str| {
        event(id, "wallet.unfrozen", "W-1", 1, data).replacen(
            r#""data""#,
            &format!(r#""idempotencykey":"{key}","data""#),
            1,
        )
    };
    let cli = Cli::with(&keyed("a", "k", "{}"));
    // The same append with another id, another append with the same key, and a new one.
    let lines = [
        keyed("b", "k", "{}"),
        keyed("c", "k", r#"{"x":1}"#),
        keyed("d", "m", "{}"),
    ]
    .concat();
    import(&cli, &lines, 1, "1 appended, 1 already there, 1 refused");
}
