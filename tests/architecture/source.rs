//! Reads which modules the text of a Rust file names.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Every Rust file below `directory`.
pub fn files(directory: &Path) -> Vec<PathBuf> {
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
pub fn module(file: &Path) -> String {
    let first = file.components().nth(1).expect("a file of src");
    Path::new(first.as_os_str())
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

/// The text of `file` without its comments. Comments may name any module.
pub fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The first names after the crate's root: `crate::x`, `crate::{x, y::z}`, `super::super::x`, `ledgerscope::x`.
pub fn modules_used(code: &str) -> BTreeSet<String> {
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

/// The first name of each path in a group. `group` begins after the opening brace.
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

/// The crates named in `use` lines.
pub fn crates_used(code: &str) -> BTreeSet<String> {
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

/// The module of a file as a path from the crate's root: `src/ledger/tests/lists.rs` is `ledger`, `tests`, `lists`.
pub fn module_path(file: &Path) -> Vec<String> {
    let file = file.with_extension("");
    let parts = file.components().skip(1);
    parts
        .map(|part| part.as_os_str().to_str().unwrap().to_owned())
        .collect()
}

/// The paths that code in the module `here` names by `super`, `self` and `crate`, from the crate's root.
pub fn paths_used(code: &str, here: &[String]) -> Vec<Vec<String>> {
    let mut used = Vec::new();
    for root in ["super::", "self::", "crate::"] {
        for (at, _) in code.match_indices(root) {
            // Only a path's first name is a start: not the second `super` of two.
            let is_start = !code[..at].ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before));
            // `super` within a group belongs to the path before the group, which is read from its own start.
            if is_start && !within_group(&code[..at]) {
                read_tree(&code[at..], here, &mut used);
            }
        }
    }
    used
}

/// Whether the text ends within the braces of a `use`.
fn within_group(before: &str) -> bool {
    let statement = before.rfind(';').map_or(before, |end| &before[end..]);
    let Some(start) = statement.rfind("use ") else {
        return false;
    };
    statement[start..].matches('{').count() > statement[start..].matches('}').count()
}

/// Reads a path or a `use` tree. `prefix` is the path of the module that it is relative to. Returns the text behind it.
fn read_tree<'text>(text: &'text str, prefix: &[String], used: &mut Vec<Vec<String>>) -> &'text str {
    let mut prefix = prefix.to_vec();
    let mut text = text.trim_start();
    while let Some(name) = name(text) {
        text = &text[name.len()..];
        match name.as_str() {
            "super" => drop(prefix.pop()),
            "self" => {}
            "crate" => prefix.clear(),
            _ => prefix.push(name),
        }
        if let Some(rest) = text.strip_prefix("::") {
            text = rest.trim_start();
        } else {
            used.push(prefix);
            return text;
        }
    }
    let Some(mut group) = text.strip_prefix('{') else {
        // A glob, or the generic arguments of a type.
        used.push(prefix);
        return text;
    };
    loop {
        group = read_tree(group, &prefix, used).trim_start();
        group = group.trim_start_matches([',', '*']).trim_start();
        if let Some(rest) = group.strip_prefix('}') {
            return rest;
        }
        if group.is_empty() || !group.starts_with(|next: char| next.is_alphanumeric() || "_{*".contains(next)) {
            return group;
        }
    }
}
