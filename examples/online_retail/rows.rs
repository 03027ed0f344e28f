//! Reads the file: parses rows to typed lines, and groups them to invoices in order of time. A row that can't be read
//! is an error with its line number, because a skipped row would be missing from the sum.

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

/// The largest absolute quantity and price: a hundred times those of the file, and small enough that the sum of a file
/// is exact in a [`Decimal`].
const LARGEST: i64 = 10_000_000;
/// The most decimals of a price. The file has three.
const MOST_DECIMALS: u32 = 6;
/// The longest invoice number and customer number. Ids that are made of them match the contract's grammar.
const LONGEST_NUMBER: usize = 20;

/// One row of the file, without the fields that all rows of an invoice share.
#[derive(Debug)]
pub struct Line {
    pub article: String,
    pub title: String,
    pub quantity: i64,
    pub price: Decimal,
    pub at: DateTime<Utc>,
}

impl Line {
    /// The row's part of the file's net total; negative on a credit note.
    pub fn sum(&self) -> Decimal {
        Decimal::from(self.quantity) * self.price
    }
}

/// All rows with the same invoice number.
#[derive(Debug)]
pub struct Invoice {
    /// The number as in the file: digits, with a letter before them for credit notes and adjustments.
    pub number: String,
    /// The customer's digits: the file's `17850.0` is `17850`.
    pub customer: Option<String>,
    pub country: String,
    /// The earliest time of the invoice's rows.
    pub at: DateTime<Utc>,
    pub lines: Vec<Line>,
}

/// The whole file.
#[derive(Debug)]
pub struct Retail {
    /// Sorted by time; invoices of the same minute are in the order of the file.
    pub invoices: Vec<Invoice>,
    /// The latest time of any row.
    pub end: DateTime<Utc>,
    pub rows: usize,
    /// The sum of quantity times price over all rows.
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

/// Reads a file, plain or gzip. The first two bytes show which.
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

/// The index of each column.
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

/// One record and the columns to read its fields.
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

/// Parses times, and remembers the last one: neighbouring rows mostly have the same time, and parsing it costs more
/// than the rest of the row.
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

/// The invoices and sums read so far.
#[derive(Default)]
struct Gathering {
    invoices: Vec<Invoice>,
    by_number: HashMap<String, usize>,
    /// The index of the previous row's invoice. Most rows are of the same invoice.
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
