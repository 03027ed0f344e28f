//! Reads the file: rows of text become typed lines, gathered into invoices in order of time. It refuses what it cannot
//! read, naming the line, because a row that is passed over is missing from the sum; it decides nothing about what a
//! row means.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use chrono::{DateTime, NaiveDateTime, Utc};
use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;
use rust_decimal::Decimal;

/// Largest quantity and price that are taken, either sign: a hundred times what the file has, and small enough that the
/// sum of a whole file stays exact in a [`Decimal`].
const LARGEST: i64 = 10_000_000;
/// Most decimals of a price. The file has three.
const MOST_DECIMALS: u32 = 6;
/// Longest invoice number and customer number, so that every id made from them matches the contract's grammar.
const LONGEST_NUMBER: usize = 20;

/// One row of the file, without what all rows of its invoice share.
#[derive(Debug)]
pub struct Line {
    pub article: String,
    pub title: String,
    pub quantity: i64,
    pub price: Decimal,
    pub at: DateTime<Utc>,
}

impl Line {
    /// What the row adds to the file's net total; negative on a credit note.
    pub fn sum(&self) -> Decimal {
        Decimal::from(self.quantity) * self.price
    }
}

/// All rows that carry one invoice number.
#[derive(Debug)]
pub struct Invoice {
    /// As in the file: digits, with a letter before them on credit notes and adjustments.
    pub number: String,
    /// Digits; the file's `17850.0` is `17850`.
    pub customer: Option<String>,
    pub country: String,
    /// The earliest of its rows' times.
    pub at: DateTime<Utc>,
    pub lines: Vec<Line>,
}

/// The whole file.
#[derive(Debug)]
pub struct Retail {
    /// By time; invoices of the same minute in the file's order.
    pub invoices: Vec<Invoice>,
    /// Latest time of any row.
    pub end: DateTime<Utc>,
    pub rows: usize,
    /// Quantity times price, added up over the rows as they were read.
    pub net: Decimal,
}

/// Why the file can't be converted.
#[derive(Debug)]
pub enum ReadError {
    Io(io::Error),
    Csv(csv::Error),
    Column(&'static str),
    Field {
        line: u64,
        column: &'static str,
        text: String,
    },
    TwoCustomers {
        line: u64,
        invoice: String,
    },
    Empty,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Csv(error) => error.fmt(f),
            Self::Column(name) => write!(f, "there is no column {name}"),
            Self::Field { line, column, text } => {
                write!(f, "line {line}: {column} can't be read: {text:?}")
            }
            Self::TwoCustomers { line, invoice } => {
                write!(f, "line {line}: invoice {invoice} names another customer than before")
            }
            Self::Empty => f.write_str("there are no rows"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<csv::Error> for ReadError {
    fn from(error: csv::Error) -> Self {
        Self::Csv(error)
    }
}

/// Reads a file, plain or gzip (told apart by its first two bytes).
pub fn read_file(path: &Path) -> Result<Retail, ReadError> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        read(MultiGzDecoder::new(file))
    } else {
        read(file)
    }
}

/// Reads CSV with a header.
pub fn read(input: impl Read) -> Result<Retail, ReadError> {
    let mut reader = csv::Reader::from_reader(input);
    let columns = Columns::find(reader.headers()?)?;
    let mut gathering = Gathering::default();
    let mut clock = Clock::default();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record)? {
        let row = Row {
            record: &record,
            columns: &columns,
        };
        gathering.add(&row, &mut clock)?;
    }
    gathering.finish()
}

/// Where each column stands.
struct Columns {
    invoice: usize,
    article: usize,
    title: usize,
    quantity: usize,
    time: usize,
    price: usize,
    customer: usize,
    country: usize,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, ReadError> {
        let at = |name: &'static str| {
            header
                .iter()
                .position(|column| column == name)
                .ok_or(ReadError::Column(name))
        };
        Ok(Self {
            invoice: at("InvoiceNo")?,
            article: at("StockCode")?,
            title: at("Description")?,
            quantity: at("Quantity")?,
            time: at("InvoiceDate")?,
            price: at("UnitPrice")?,
            customer: at("CustomerID")?,
            country: at("Country")?,
        })
    }
}

/// One record with the means to read its fields.
struct Row<'a> {
    record: &'a StringRecord,
    columns: &'a Columns,
}

impl<'a> Row<'a> {
    fn text(&self, column: usize) -> &'a str {
        self.record.get(column).unwrap_or_default()
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn unreadable(&self, column: &'static str, text: &str) -> ReadError {
        ReadError::Field {
            line: self.line(),
            column,
            text: text.to_owned(),
        }
    }

    fn invoice(&self) -> Result<&'a str, ReadError> {
        let text = self.text(self.columns.invoice);
        let fits = (1..=LONGEST_NUMBER).contains(&text.len());
        (fits && text.bytes().all(|b| b.is_ascii_alphanumeric()))
            .then_some(text)
            .ok_or_else(|| self.unreadable("InvoiceNo", text))
    }

    fn customer(&self) -> Result<Option<&'a str>, ReadError> {
        let text = self.text(self.columns.customer);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.strip_suffix(".0").unwrap_or(text);
        let fits = (1..=LONGEST_NUMBER).contains(&number.len());
        if fits && number.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Some(number))
        } else {
            Err(self.unreadable("CustomerID", text))
        }
    }

    fn quantity(&self) -> Result<i64, ReadError> {
        let text = self.text(self.columns.quantity);
        text.parse()
            .ok()
            .filter(|quantity| (-LARGEST..=LARGEST).contains(quantity))
            .ok_or_else(|| self.unreadable("Quantity", text))
    }

    fn price(&self) -> Result<Decimal, ReadError> {
        let text = self.text(self.columns.price);
        Decimal::from_str_exact(text)
            .ok()
            .filter(|price| price.scale() <= MOST_DECIMALS && price.abs() <= Decimal::from(LARGEST))
            .ok_or_else(|| self.unreadable("UnitPrice", text))
    }
}

/// Reads times. Neighbouring rows mostly share theirs, and parsing one costs more than the rest of the row.
#[derive(Default)]
struct Clock {
    text: String,
    at: DateTime<Utc>,
}

impl Clock {
    fn read(&mut self, row: &Row<'_>) -> Result<DateTime<Utc>, ReadError> {
        let text = row.text(row.columns.time);
        if text != self.text {
            self.at = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
                .map_err(|_| row.unreadable("InvoiceDate", text))?
                .and_utc();
            text.clone_into(&mut self.text);
        }
        Ok(self.at)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Gathering {
    invoices: Vec<Invoice>,
    by_number: HashMap<String, usize>,
    /// Where the previous row went: most rows go there, too.
    current: usize,
    end: DateTime<Utc>,
    rows: usize,
    net: Decimal,
}

impl Gathering {
    fn add(&mut self, row: &Row<'_>, clock: &mut Clock) -> Result<(), ReadError> {
        let line = Line {
            article: row.text(row.columns.article).to_owned(),
            title: row.text(row.columns.title).trim().to_owned(),
            quantity: row.quantity()?,
            price: row.price()?,
            at: clock.read(row)?,
        };
        self.rows += 1;
        self.net += line.sum();
        self.end = self.end.max(line.at);
        let invoice = self.invoice(row, line.at)?;
        invoice.at = invoice.at.min(line.at);
        invoice.lines.push(line);
        Ok(())
    }

    fn invoice(&mut self, row: &Row<'_>, at: DateTime<Utc>) -> Result<&mut Invoice, ReadError> {
        let number = row.invoice()?;
        let customer = row.customer()?;
        if self
            .invoices
            .get(self.current)
            .is_none_or(|invoice| invoice.number != number)
        {
            let next = self.invoices.len();
            self.current = *self.by_number.entry(number.to_owned()).or_insert(next);
        }
        if self.current == self.invoices.len() {
            self.invoices.push(Invoice {
                number: number.to_owned(),
                customer: customer.map(str::to_owned),
                country: row.text(row.columns.country).to_owned(),
                at,
                lines: Vec::new(),
            });
        }
        let invoice = &mut self.invoices[self.current];
        if invoice.customer.as_deref() == customer {
            Ok(invoice)
        } else {
            Err(ReadError::TwoCustomers {
                line: row.line(),
                invoice: number.to_owned(),
            })
        }
    }

    fn finish(mut self) -> Result<Retail, ReadError> {
        if self.invoices.is_empty() {
            return Err(ReadError::Empty);
        }
        self.invoices.sort_by_key(|invoice| invoice.at);
        Ok(Retail {
            invoices: self.invoices,
            end: self.end,
            rows: self.rows,
            net: self.net,
        })
    }
}
