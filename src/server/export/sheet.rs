//! Writes CSV files that are safe to open in a spreadsheet (OWASP, CSV injection). Every cell is quoted, so that other
//! separators do not split it. A cell that a spreadsheet would take for a formula gets an apostrophe in front. Ids,
//! reasons and notes come from outside and may contain any text.

use std::borrow::Cow;

use csv::{QuoteStyle, Writer, WriterBuilder};

/// The most rows of a [`Sheet`], which is held in memory.
const ROWS_MAX: usize = 100_000;

/// Encodes a part of a file: the rows, preceded by the column names in `heads` in the first part.
pub fn part<'a, Cells>(heads: Option<&[&str]>, rows: impl IntoIterator<Item = Cells>) -> Result<Vec<u8>, csv::Error>
where
    Cells: IntoIterator<Item = Cow<'a, str>>,
{
    let mut writer = writer();
    if let Some(heads) = heads {
        writer.write_record(heads)?;
    }
    for cells in rows {
        write_row(&mut writer, cells)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn writer() -> Writer<Vec<u8>> {
    WriterBuilder::new()
        .quote_style(QuoteStyle::Always)
        // The last row of a truncated file has one cell.
        .flexible(true)
        .from_writer(Vec::new())
}

fn write_row<'a>(
    writer: &mut Writer<Vec<u8>>,
    cells: impl IntoIterator<Item = Cow<'a, str>>,
) -> Result<(), csv::Error> {
    for cell in cells {
        writer.write_field(harmless(&cell).as_bytes())?;
    }
    writer.write_record(None::<&[u8]>)
}

/// A CSV file that is built in memory, of at most 100,000 rows.
pub struct Sheet {
    writer: Writer<Vec<u8>>,
    rows: usize,
    cut: bool,
}

impl Sheet {
    pub fn new(heads: &[&str]) -> Result<Self, csv::Error> {
        let mut writer = writer();
        writer.write_record(heads)?;
        Ok(Self {
            writer,
            rows: 0,
            cut: false,
        })
    }

    /// Adds a row. Returns `false` if the file is full; the row is then left out.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cow<'a, str>>) -> Result<bool, csv::Error> {
        if self.rows == ROWS_MAX {
            self.cut = true;
            return Ok(false);
        }
        self.rows += 1;
        write_row(&mut self.writer, cells)?;
        Ok(true)
    }

    /// The number of rows, for the audit entry.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The finished file. The last row of a truncated file says that it is truncated.
    pub fn finish(mut self) -> Result<Vec<u8>, csv::Error> {
        if self.cut {
            let said = format!(
                "truncated after {} rows; choose a narrower filter for the others",
                self.rows
            );
            self.writer.write_record([said])?;
        }
        self.writer.into_inner().map_err(|error| error.into_error().into())
    }
}

/// The text of a cell, with an apostrophe in front if a spreadsheet would take it for a formula.
fn harmless(cell: &str) -> Cow<'_, str> {
    let formula = |first| {
        matches!(
            first,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
        )
    };
    // Some programs ignore leading spaces.
    let computed = cell.starts_with(formula) || cell.trim_start().starts_with(formula);
    if computed {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sheet: Sheet) -> String {
        String::from_utf8(sheet.finish().unwrap()).unwrap()
    }

    #[test]
    fn a_cell_is_never_a_formula() {
        for cell in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", " =1",
        ] {
            assert_eq!(harmless(cell), format!("'{cell}"), "{cell:?}");
        }
        for cell in ["", "R-1", "a=b", "12.50", "'=1", "2026-01-01T00:00:00Z"] {
            assert_eq!(harmless(cell), cell);
        }
    }

    #[test]
    fn separators_and_quotes_stay_in_their_cell() {
        let mut sheet = Sheet::new(&["a", "b"]).unwrap();
        sheet.row(["x;=1".into(), "\"=2\",y".into()]).unwrap();
        assert_eq!(written(sheet), "\"a\",\"b\"\n\"x;=1\",\"\"\"=2\"\",y\"\n");
    }

    #[test]
    fn parts_concatenate_to_one_file() {
        let rows = |texts: &[&'static str]| texts.iter().map(|text| [Cow::from(*text)]).collect::<Vec<_>>();
        let mut file = part(Some(&["a"]), rows(&["1", "=2"])).unwrap();
        file.extend(part(None, rows(&["3"])).unwrap());
        file.extend(part(None, rows(&[])).unwrap());
        assert_eq!(String::from_utf8(file).unwrap(), "\"a\"\n\"1\"\n\"'=2\"\n\"3\"\n");
    }

    #[test]
    fn a_truncated_file_says_so() {
        let mut sheet = Sheet::new(&["a"]).unwrap();
        for _ in 0..ROWS_MAX {
            assert!(sheet.row(["x".into()]).unwrap());
        }
        assert!(!sheet.row(["x".into()]).unwrap());
        let text = written(sheet);
        assert_eq!(text.lines().count(), ROWS_MAX + 2);
        assert!(text.ends_with("\"truncated after 100000 rows; choose a narrower filter for the others\"\n"));
    }
}
