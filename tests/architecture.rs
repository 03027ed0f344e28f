//! Compares the modules that each file of `src` names with a table of permissions. Fails on a use that the table does not
//! allow, and on a permission that no code uses. The test reads text, not types: it sees code behind `cfg`, too.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

#[path = "architecture/source.rs"]
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use self::source::{code, crates_used, files, module, module_path, modules_used, paths_used};

/// For each module, the modules of this crate that it may use. Each module uses only modules above it in this table, so
/// the graph has no cycle.
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

/// The crates that the domain may use besides the standard library. None of them does I/O or reads the time in the
/// domain.
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

/// From a module to the siblings that its files use.
type Siblings = BTreeMap<String, BTreeSet<String>>;

#[test]
fn sibling_files_use_each_other_in_one_direction() {
    let files = files(Path::new("src"));
    let modules: BTreeSet<Vec<String>> = files.iter().map(|file| module_path(file)).collect();
    let mut uses: BTreeMap<&[String], Siblings> = BTreeMap::new();
    for file in &files {
        let from = modules.get(&module_path(file)).unwrap();
        for to in paths_used(product(&code(file)), from) {
            let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
            // A module at the root is checked by the table. A parent and its child are no siblings.
            if common == 0 || common == from.len() || common == to.len() || !modules.contains(&to[..=common]) {
                continue;
            }
            let siblings = uses.entry(&from[..common]).or_default();
            siblings
                .entry(from[common].clone())
                .or_default()
                .insert(to[common].clone());
        }
    }
    let mut wrong = Vec::new();
    for (parent, siblings) in &uses {
        for module in siblings.keys() {
            if reaches(siblings, module, module) {
                let used: Vec<_> = siblings[module]
                    .iter()
                    .filter(|used| reaches(siblings, used, module))
                    .map(String::as_str)
                    .collect();
                wrong.push(format!("{}::{module} uses {}", parent.join("::"), used.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "cycles:\n{}\n", wrong.join("\n"));
}

/// Whether `to` is used by `from`, by a module that `from` uses, and so on.
fn reaches(siblings: &Siblings, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for used in siblings.get(module).into_iter().flatten() {
            if used == to {
                return true;
            }
            if seen.insert(used) {
                open.push(used);
            }
        }
    }
    false
}

/// The part of a file's code that is built into the product.
fn product(code: &str) -> &str {
    code.split("#[cfg(test)]").next().unwrap_or_default()
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
        // Code of tests is not part of the product.
        .filter(|file| {
            module(file) == "domain" && !file.starts_with("src/domain/tests") && !file.ends_with("domain/tests.rs")
        })
    {
        let code = code(&file);
        let code = product(&code);
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

/// Names that were replaced by the terms of CONTRIBUTING.md, each with a path where they must not be used again.
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
    ("Place", "src"),
    ("Books", "src"),
    ("books", "src/compensations"),
    ("in_doubt", "src"),
    ("told", "src"),
    ("shelf", "src"),
    ("shelved", "src"),
    ("oddities", "src"),
    ("odd_generation", "src"),
    ("read_books", "src"),
    ("append_judgement", "src"),
    ("may_judge", ""),
    ("bench", "src"),
    ("bench", "tests"),
    ("Bench", ""),
    ("Resource", "src"),
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
        // Signatures of server functions are compiled for the browser and the server, their bodies only for the server.
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
    let here = ["a", "b", "c"].map(str::to_owned);
    let code = "use super::{d::{E, self}, super::f::*};\nuse crate::g::h; use self::i::J; fn f() { super::k::l() }";
    let paths: Vec<_> = paths_used(code, &here).iter().map(|path| path.join(" ")).collect();
    assert_eq!(
        paths,
        ["a b d E", "a b d", "a f", "a b k l", "a b c i J", "g h"],
        "in the order of `super`, `self`, `crate`"
    );
    let crates: Vec<_> = crates_used("use tokio::fs;\npub use axum;\nuse std::fmt;\n    use super::x;")
        .into_iter()
        .collect();
    assert_eq!(crates, ["axum", "tokio"]);
}
