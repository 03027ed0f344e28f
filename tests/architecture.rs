//! Compares the modules that each file of `src` names with a table of permissions. Fails on a use that the table does not
//! allow, and on a permission that no code uses. The test reads text, not types: it sees code behind `cfg`, too.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// From a module to the modules of this crate that it may use. Each module uses only modules above it, so the graph has no cycle.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("views", &["domain"]),
    ("event_log", &["domain"]),
    ("auth", &["domain", "event_log"]),
    ("audit", &["domain", "event_log", "views"]),
    ("read_model", &["domain", "event_log", "views"]),
    ("ledger", &["domain", "event_log", "read_model", "views"]),
    ("compensations", &["domain", "event_log", "read_model", "views"]),
    (
        "app_state",
        &[
            "audit",
            "auth",
            "compensations",
            "domain",
            "event_log",
            "ledger",
            "views",
        ],
    ),
    // Signatures use only `domain` and `views`. The browser's build checks that: it leaves out the other modules of this row.
    (
        "api",
        &[
            "app_state",
            "audit",
            "auth",
            "compensations",
            "domain",
            "event_log",
            "ledger",
            "read_model",
            "views",
        ],
    ),
    ("components", &["domain", "views"]),
    ("pages", &["api", "components", "domain", "views"]),
    // The frame around every page shows the health of the stores, so it calls `api`.
    ("app", &["api", "components", "domain", "pages", "views"]),
    ("browser", &["api", "components", "domain", "views"]),
    (
        "server",
        &[
            "api",
            "app",
            "app_state",
            "audit",
            "auth",
            "compensations",
            "domain",
            "event_log",
            "ledger",
            "pages",
            "read_model",
            "views",
        ],
    ),
    (
        "cli",
        &[
            "app_state",
            "audit",
            "auth",
            "compensations",
            "domain",
            "event_log",
            "ledger",
            "read_model",
            "server",
            "views",
        ],
    ),
    ("main", &["cli"]),
    // `lib.rs` declares the modules and uses none.
    ("lib", &[]),
];

/// What the domain may use besides the standard library: nothing that does I/O or knows the time.
const DOMAIN_MAY_USE: [&str; 5] = ["chrono", "rust_decimal", "serde", "serde_json", "thiserror"];

#[test]
fn modules_use_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for file in files(Path::new("src")) {
        let module = module(&file);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: the table has no module {module}", file.display()));
            continue;
        };
        for used in modules_used(&code(&file)) {
            let known = MAY_USE.iter().any(|(name, _)| *name == used);
            if known && used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: {module} may not use {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn modules_use_only_modules_above_them() {
    for (row, (module, allowed)) in MAY_USE.iter().enumerate() {
        for used in *allowed {
            let above = MAY_USE[..row].iter().any(|(name, _)| name == used);
            assert!(above, "{module} may use {used}, which is not above it in the table");
        }
    }
}

#[test]
fn every_permission_is_used() {
    let mut used: BTreeSet<(String, String)> = BTreeSet::new();
    for file in files(Path::new("src")) {
        let module = module(&file);
        used.extend(
            modules_used(&code(&file))
                .into_iter()
                .map(|name| (module.clone(), name)),
        );
    }
    let mut unused = Vec::new();
    for (module, allowed) in MAY_USE {
        for name in *allowed {
            if !used.contains(&((*module).to_owned(), (*name).to_owned())) {
                unused.push(format!("{module} does not use {name}"));
            }
        }
    }
    assert!(unused.is_empty(), "\n{}\n", unused.join("\n"));
}

#[test]
fn the_domain_is_pure() {
    let mut wrong = Vec::new();
    for file in files(Path::new("src"))
        .into_iter()
        // What tests use is no part of the product.
        .filter(|file| {
            module(file) == "domain" && !file.starts_with("src/domain/tests") && !file.ends_with("domain/tests.rs")
        })
    {
        let code = code(&file);
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for name in crates_used(code) {
            if !DOMAIN_MAY_USE.contains(&name.as_str()) {
                wrong.push(format!("{}: the domain may not use {name}", file.display()));
            }
        }
        for impure in [
            "Utc::now",
            "SystemTime",
            "Instant::now",
            "async fn",
            "std::fs",
            "std::net",
            "std::env",
        ] {
            if code.contains(impure) {
                wrong.push(format!("{}: the domain has no {impure}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Names that were replaced by the terms of CONTRIBUTING.md, with the paths that they must not come back to.
const REPLACED: &[(&str, &str)] = &[
    ("desk", "src/api"),
    ("desk", "src/server"),
    ("desk", "src/cli/serve.rs"),
    ("desk", "tests"),
    ("Desk", "src/api"),
    ("Desk", "src/compensations"),
    ("Desk", "tests"),
    ("DeskError", ""),
    ("Fate", ""),
    ("Gatekeeper", ""),
    ("InDoubt", ""),
    ("Judgement", ""),
    ("JudgementForm", ""),
    ("TrailEntry", ""),
    ("Books", "src"),
    ("books", "src/compensations"),
    ("in_doubt", "src/compensations"),
    ("told", "src/compensations"),
    ("read_books", "src"),
    ("append_judgement", "src"),
    ("may_judge", ""),
    ("Bench", "tests/http"),
    ("Bench", "tests/compensations"),
];

#[test]
fn replaced_names_stay_away() {
    let mut wrong = Vec::new();
    for file in files(Path::new("src")).into_iter().chain(files(Path::new("tests"))) {
        if file.ends_with("tests/architecture.rs") {
            continue;
        }
        let code = code(&file);
        let names: BTreeSet<&str> = code
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .collect();
        for (name, path) in REPLACED {
            if file.starts_with(path) && names.contains(name) {
                wrong.push(format!("{}: {name}", file.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "CONTRIBUTING.md has the terms\n{}\n",
        wrong.join("\n")
    );
}

#[test]
fn features_are_decided_in_lib() {
    let outside: Vec<_> = files(Path::new("src"))
        .into_iter()
        // The signature of a server function is for both sides, what it calls is not.
        .filter(|file| !["lib", "api"].contains(&module(file).as_str()))
        .filter(|file| code(file).contains("feature = \""))
        .collect();
    assert!(outside.is_empty(), "cfg(feature) outside src/lib.rs: {outside:?}");
}

#[test]
fn reads_all_ways_to_name_a_module() {
    let code = "use crate::{\n  domain::{ids::Id, money},\n  ledger,\n};\nfn f() { crate::server::g() }\n\
                use super::super::compensations::X; use ledgerscope::api;";
    let used: Vec<_> = modules_used(code).into_iter().collect();
    assert_eq!(used, ["api", "compensations", "domain", "ledger", "server"]);
    assert!(modules_used("mycrate::domain::x()").is_empty());
    let crates: Vec<_> = crates_used("use tokio::fs;\npub use axum;\nuse std::fmt;\n    use super::x;")
        .into_iter()
        .collect();
    assert_eq!(crates, ["axum", "tokio"]);
}

/// Every Rust file below `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// `src/ledger/index.rs` and `src/ledger.rs` are both in the module `ledger`.
fn module(file: &Path) -> String {
    let first = file.components().nth(1).expect("a file of src");
    Path::new(first.as_os_str())
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

/// The text of `file` without its comments, which may name what they like.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The first names after the crate's root: `crate::x`, `crate::{x, y::z}`, `super::super::x`, `ledgerscope::x`.
fn modules_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for root in ["crate::", "super::super::", "ledgerscope::"] {
        for (at, _) in code.match_indices(root) {
            let within_a_name = code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
            if within_a_name {
                continue;
            }
            let path = &code[at + root.len()..];
            match path.strip_prefix('{') {
                Some(group) => used.extend(first_names(group)),
                None => used.extend(name(path)),
            }
        }
    }
    used
}

/// The first name of each path in a group whose opening brace is already behind.
fn first_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (1, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                names.extend(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        if depth == 0 {
            names.extend(name(&group[start..at]));
            break;
        }
    }
    names
}

/// The crates that `use` lines name.
fn crates_used(code: &str) -> BTreeSet<String> {
    code.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("pub use ").or_else(|| line.strip_prefix("use "))
        })
        .filter_map(name)
        .filter(|name| !["alloc", "core", "crate", "self", "std", "super"].contains(&name.as_str()))
        // `pub use money::Money` in `domain.rs` names a module of the file's own.
        .filter(|name| !code.contains(&format!("mod {name};")))
        .collect()
}

/// The name that `text` starts with.
fn name(text: &str) -> Option<String> {
    let text = text.trim_start();
    let end = text
        .find(|character: char| !(character.is_alphanumeric() || character == '_'))
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}
