//! Output of commands: JSON lines, aligned tables and one-line errors. Text from a ledger is not trusted: characters
//! that move a terminal's cursor or hide text are escaped.

use std::{
    fmt::Write as _,
    io::{self, BufWriter, Stdout, Write},
};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::CliError;

/// Standard output, buffered. [`Output::finish`] flushes it, so that a write error is reported.
pub struct Output(BufWriter<Stdout>);

impl Output {
    pub fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, io::stdout()))
    }

    /// Prints one value as one line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, value)?;
        self.0.write_all(b"\n")
    }

    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.0, "{}", text.trim_end())
    }

    pub fn table(&mut self, table: &Table) -> io::Result<()> {
        for line in table.lines() {
            self.line(&line)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Prints one line on standard error. A write error is ignored, because there is no other output to report it on.
pub fn print_error(line: &str) {
    let _ = writeln!(io::stderr(), "ledgerscope: {line}");
}

/// A number of things, in words: `1 refund`, `2 refunds`.
pub fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// A column: its heading and its alignment.
pub enum Column {
    Left(&'static str),
    Right(&'static str),
}

/// An empty table without rules between rows and columns.
pub fn table(columns: &[Column]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|column| match column {
            Column::Left(heading) | Column::Right(heading) => *heading,
        }));
    for (index, column) in columns.iter().enumerate() {
        if let Some(cells) = table.column_mut(index) {
            cells.set_padding((0, 2));
            if matches!(column, Column::Right(_)) {
                cells.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table
}

/// Prints a table whose rows come page by page, with common column widths. `pages` is called twice: first to measure
/// the columns, then to print.
pub async fn paged_table<Row>(
    out: &mut Output,
    columns: &[Column],
    cells: impl Fn(&Row) -> Vec<String>,
    mut pages: impl AsyncFnMut(&mut dyn FnMut(&[Row]) -> Result<(), CliError>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let of_page = |rows: &[Row], widths: Option<&[u16]>| {
        let mut table = table(columns);
        if let Some(widths) = widths {
            table.add_row(widths.iter().map(|width| "-".repeat(usize::from(*width))));
        }
        table.add_rows(rows.iter().map(&cells));
        table
    };
    let mut widths = of_page(&[], None).column_max_content_widths();
    pages(&mut |rows| {
        let of_these = of_page(rows, None).column_max_content_widths();
        for (width, of_these) in widths.iter_mut().zip(of_these) {
            *width = of_these.max(*width);
        }
        Ok(())
    })
    .await?;
    let heading = of_page(&[], Some(&widths));
    for line in heading.lines().take(1) {
        out.line(&line)?;
    }
    pages(&mut |rows| {
        // Skips the heading, and the row that has the width of the widest cells.
        for line in of_page(rows, Some(&widths)).lines().skip(2) {
            out.line(&line)?;
        }
        Ok(())
    })
    .await
}

/// Escapes text for a terminal: control characters, and marks that change the direction of writing.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if letter.is_control() || turns {
            // Writing to a String does not fail.
            let _ = write!(shown, "{}", letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(plain("Zoë 東京"), "Zoë 東京");
        assert_eq!(plain("a\u{1b}[2Jb\n"), r"a\u{1b}[2Jb\u{a}");
        assert_eq!(plain("\u{202e}x"), r"\u{202e}x");
    }

    #[test]
    fn a_table_is_aligned_text() {
        let mut table = table(&[Column::Left("id"), Column::Right("amount")]);
        table.add_row(["W-1", "1.00"]).add_row(["W-22", "100.00"]);
        let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(lines, ["id    amount", "W-1     1.00", "W-22  100.00"]);
    }
}
