//! Takes the comments out of the scripts of `public`. They are types and explanations for authors, and half of what a browser
//! would download.

/// `script` without the comments that have lines of their own. Their lines stay, empty, so that a browser and the source give a
/// line the same number. Knows no strings: a template literal must not have a line that begins with `//` or `/*`.
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
