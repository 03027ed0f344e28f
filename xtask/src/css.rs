//! Joins the style sheets into one file, so that a page needs one request. Only `@import` is processed; the rest is
//! copied unchanged.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result, bail};

/// Returns the text of `path`, in which every line `@import "FILE" [layer(NAME)];` is replaced by that file, in its
/// layer.
pub fn join(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let mut joined = String::with_capacity(text.len());
    for line in text.lines() {
        let Some(import) = line.trim().strip_prefix("@import ") else {
            joined.push_str(line);
            joined.push('\n');
            continue;
        };
        let (file, layer) = parse_import(import).with_context(|| format!("{}: {line}", path.display()))?;
        let imported = join(&path.with_file_name(file))?;
        match layer {
            Some(layer) => writeln!(joined, "@layer {layer} {{\n{imported}}}")?,
            None => joined.push_str(&imported),
        }
    }
    Ok(joined)
}

/// Parses the text after `@import ` into the file and the layer.
fn parse_import(import: &str) -> Result<(&str, Option<&str>)> {
    let parts = import
        .trim_end()
        .strip_suffix(';')
        .and_then(|import| import.trim_start().strip_prefix('"'))
        .and_then(|import| import.split_once('"'));
    let Some((file, rest)) = parts else {
        bail!("an import is written @import \"FILE\" layer(NAME);");
    };
    let file = file.trim_start_matches("./");
    match rest.trim() {
        "" => Ok((file, None)),
        rest => match rest.strip_prefix("layer(").and_then(|rest| rest.strip_suffix(')')) {
            Some(layer) => Ok((file, Some(layer))),
            None => bail!("only layer(NAME) may follow the file"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_names_a_file_and_maybe_a_layer() {
        let base = parse_import("\"base.css\" layer(base);").unwrap();
        assert_eq!(base, ("base.css", Some("base")));
        let plain = parse_import("\"./a/b.css\";").unwrap();
        assert_eq!(plain, ("a/b.css", None));
    }

    #[test]
    fn other_forms_of_import_are_refused() {
        for import in ["url(base.css);", "\"base.css\" screen;", "\"base.css\""] {
            assert!(parse_import(import).is_err(), "{import}");
        }
    }
}
