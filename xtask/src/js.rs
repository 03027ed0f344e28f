//! Removes the comments from the scripts of `public`: they are types and explanations for authors, and about half of
//! the bytes.

/// Returns `script` without the comments that are on their own lines. The lines stay as empty lines, so that line
/// numbers in the browser are those of the source. Strings are not recognised: no line of a template literal may begin
/// with `//` or `/*`.
pub fn without_comments(script: &str) -> String {
    let mut kept = String::with_capacity(script.len());
    let mut inside = false;
    for line in script.lines() {
        let text = line.trim();
        if inside && let Some((_, code)) = text.split_once("*/") {
            inside = false;
            kept.push_str(code);
            kept.push('\n');
            continue;
        }
        // Code may follow a comment on its line, as in `/** @type {Element} */ (node)`.
        let opens = text.starts_with("/*") && text.find("*/").is_none_or(|end| end + 2 == text.len());
        if !inside && !opens && !text.starts_with("//") {
            kept.push_str(line);
        }
        kept.push('\n');
        inside = inside || (opens && !text.ends_with("*/"));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_lines_keep_their_numbers() {
        let script =
            "// What\n/** @type {A} */\nlet a; // why\n/**\n * @param {B} b\n */\n  f(b) { return \"// x\" }\n";
        assert_eq!(
            without_comments(script),
            "\n\nlet a; // why\n\n\n\n  f(b) { return \"// x\" }\n"
        );
    }

    #[test]
    fn code_after_a_comment_stays() {
        let script = "  /** @type {A} */ (node).focus();\n  done();\n";
        assert_eq!(without_comments(script), script);
        assert_eq!(without_comments("/* a\n b */ c();\nd();\n"), "\n c();\nd();\n");
    }
}
