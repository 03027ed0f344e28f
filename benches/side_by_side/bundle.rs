//! The row `bundle`: the size of the files that a browser downloads, made by `cargo xtask bundle`. Also prints the
//! sections of the WebAssembly.

use std::{fs, path::Path};

use super::table::Row;

pub fn rows() -> Vec<Row> {
    let what = "browser bundle, brotli: all of JavaScript, WebAssembly and style sheet";
    if !Path::new("target/site/pkg").is_dir() {
        return vec![Row::skipped(what, "`cargo xtask bundle` first")];
    }
    let (mut total, mut parts) = (0, Vec::new());
    // The scripts of `public` are in the parent directory of the built files.
    let files = ["target/site", "target/site/pkg"].map(|directory| fs::read_dir(directory).unwrap());
    for file in files.into_iter().flatten().map(Result::unwrap) {
        let (path, name) = (file.path(), file.file_name().to_string_lossy().into_owned());
        if let Some(name) = name.strip_suffix(".br") {
            let bytes = file.metadata().unwrap().len();
            total += bytes;
            // `ledgerscope.HASH.wasm` is listed by its extension, `live.js` by its name.
            let kind = name
                .strip_prefix("ledgerscope.")
                .and_then(|rest| rest.split('.').next_back());
            parts.push(format!("{} {bytes}", kind.unwrap_or(name)));
        } else if path.extension().is_some_and(|kind| kind == "wasm") {
            sections(&path);
        }
    }
    parts.sort();
    vec![Row::bytes(what, total, parts.join(", "), 200 * 1024)]
}

/// Prints the sections of the WebAssembly by size to standard error.
fn sections(path: &Path) {
    const NAMES: [&str; 13] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
    ];
    let bytes = fs::read(path).unwrap();
    let (mut at, mut found) = (8, Vec::new());
    while at < bytes.len() {
        let kind = usize::from(bytes[at]);
        let (size, length) = leb128(&bytes[at + 1..]);
        found.push((size, NAMES.get(kind).copied().unwrap_or("other")));
        at += 1 + length + size;
    }
    found.sort_unstable();
    for (size, name) in found.iter().rev() {
        eprintln!("bundle: {size:9} bytes of WebAssembly in section {name}");
    }
}

/// Decodes a LEB128 number. Returns the number and its length in bytes.
fn leb128(bytes: &[u8]) -> (usize, usize) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let number = bytes[..length]
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
    (number, length)
}
