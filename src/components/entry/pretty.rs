//! Indents JSON for people. Only white space between tokens changes: numbers, escapes, the order of keys and repeated
//! keys stay as the producer wrote them. Parsing into values and printing them would change these.

use std::iter::repeat_n;

use serde::de::IgnoredAny;

/// The same JSON with one line for each member; `None` if the text is not JSON.
pub fn set_in_lines(json: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(json).ok()?;
    let mut printer = Printer::default();
    let mut rest = json.chars();
    while let Some(token) = rest.next() {
        match token {
            '"' => printer.string(&mut rest),
            '{' | '[' => printer.open(token),
            '}' | ']' => printer.close(token),
            ',' => printer.comma(),
            ':' => printer.text.push_str(": "),
            token if token.is_ascii_whitespace() => {}
            token => printer.put(token),
        }
    }
    Some(printer.text)
}

#[derive(Default)]
struct Printer {
    text: String,
    depth: usize,
    /// The last token opened an object or array that may be empty.
    opened: bool,
}

impl Printer {
    fn put(&mut self, token: char) {
        self.start_member();
        self.text.push(token);
    }

    fn string(&mut self, rest: &mut std::str::Chars<'_>) {
        self.put('"');
        let mut escaped = false;
        for letter in rest {
            self.text.push(letter);
            match letter {
                '"' if !escaped => return,
                '\\' => escaped = !escaped,
                _ => escaped = false,
            }
        }
    }

    fn open(&mut self, bracket: char) {
        self.put(bracket);
        self.depth += 1;
        self.opened = true;
    }

    fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        if !self.opened {
            self.new_line();
        }
        self.opened = false;
        self.text.push(bracket);
    }

    fn comma(&mut self) {
        self.text.push(',');
        self.new_line();
    }

    fn start_member(&mut self) {
        if self.opened {
            self.opened = false;
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.extend(repeat_n("  ", self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_get_lines_and_nothing_else_changes() {
        let json =
            r#"{"amount":{"amount":"12.50", "n":1.10e+02},"tags":[ ],"x":{},"note":"a \"b, {c}: \\","amount":null}"#;
        let lines = "{\n  \"amount\": {\n    \"amount\": \"12.50\",\n    \"n\": 1.10e+02\n  },\n  \"tags\": [],\n  \"x\": {},\n  \"note\": \"a \\\"b, {c}: \\\\\",\n  \"amount\": null\n}";
        assert_eq!(set_in_lines(json).unwrap(), lines);
        assert_eq!(set_in_lines(lines).unwrap(), lines);
    }

    #[test]
    fn lone_values_stay_as_they_are_and_other_text_is_refused() {
        assert_eq!(set_in_lines(" true ").unwrap(), "true");
        assert_eq!(
            set_in_lines("[[],[1,2]]").unwrap(),
            "[\n  [],\n  [\n    1,\n    2\n  ]\n]"
        );
        for bad in ["", "{", "{'a':1}", "12.50 EUR", "{}{}"] {
            assert_eq!(set_in_lines(bad), None, "{bad}");
        }
    }
}
