//! Events as in contract §4, §5 and §9: one CloudEvents 1.0 JSON object per line. The writer numbers each stream and
//! limits the size of each event.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::{money::Money, rows::Line};

/// The largest event in bytes of JSON, without the line feed. Lists of order lines are cut to fit.
pub const LARGEST_EVENT: usize = 48 * 1024 - 1;

/// The domain of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Wallet,
    Order,
}

/// The data of an event. Names and fields are those of the contract, except for `country` and `lines_omitted`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Data<'a> {
    Opened {
        owner: Party,
        currency: &'static str,
    },
    Credited {
        amount: Money,
        kind: &'static str,
        order: &'a str,
        refund: &'a str,
        reference: &'a str,
    },
    Placed {
        #[serde(skip_serializing_if = "Option::is_none")]
        wallet: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        customer: Option<Party>,
        total: Money,
        country: &'a str,
        #[serde(flatten)]
        listing: Listing<'a>,
    },
    Paid {
        payment: String,
        amount: Money,
        method: &'static str,
    },
    RefundRequested {
        refund: &'a str,
        amount: Money,
        reason: &'static str,
        destination: &'static str,
        note: &'a str,
        #[serde(flatten)]
        listing: Listing<'a>,
    },
    RefundApproved {
        refund: &'a str,
    },
    RefundSucceeded {
        refund: &'a str,
        reference: &'a str,
    },
}

impl<'a> Data<'a> {
    const fn event_type(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "wallet.opened",
            Self::Credited { .. } => "wallet.credited",
            Self::Placed { .. } => "order.placed",
            Self::Paid { .. } => "order.paid",
            Self::RefundRequested { .. } => "order.refund_requested",
            Self::RefundApproved { .. } => "order.refund_approved",
            Self::RefundSucceeded { .. } => "order.refund_succeeded",
        }
    }

    const fn source(&self) -> Source {
        match self {
            Self::Opened { .. } | Self::Credited { .. } => Source::Wallet,
            _ => Source::Order,
        }
    }

    const fn listing(&mut self) -> Option<&mut Listing<'a>> {
        match self {
            Self::Placed { listing, .. } | Self::RefundRequested { listing, .. } => Some(listing),
            _ => None,
        }
    }
}

/// The owner of a wallet, or the customer of an order.
#[derive(Debug, Serialize)]
pub struct Party {
    pub id: String,
}

/// The lines of an order or a refund, and the number of omitted ones.
#[derive(Debug, Serialize)]
pub struct Listing<'a> {
    lines: &'a [ListedLine<'a>],
    #[serde(skip_serializing_if = "is_zero")]
    lines_omitted: usize,
}

impl<'a> Listing<'a> {
    /// Some lines of an order or a refund that has `of` lines.
    pub const fn new(lines: &'a [ListedLine<'a>], of: usize) -> Self {
        Self {
            lines,
            lines_omitted: of.saturating_sub(lines.len()),
        }
    }

    /// Keeps the first `count` lines.
    fn cut_to(&mut self, count: usize) {
        let kept = &self.lines[..count.min(self.lines.len())];
        self.lines_omitted += self.lines.len() - kept.len();
        self.lines = kept;
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A line of an order or a refund.
#[derive(Debug, Serialize)]
pub struct ListedLine<'a> {
    pub sku: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub title: &'a str,
    pub quantity: i64,
    pub unit_price: Money,
}

impl Line {
    /// The row, or a part of its quantity, in the contract's form.
    pub fn listed(&self, quantity: i64, unit_price: Money) -> ListedLine<'_> {
        ListedLine {
            sku: &self.article,
            title: &self.title,
            quantity,
            unit_price,
        }
    }
}

/// The stream, the time, the correlation and the cause of an event.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub subject: &'a str,
    pub at: DateTime<Utc>,
    pub correlation: Option<&'a str>,
    pub causation: Option<&'a str>,
}

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'static str,
    r#type: &'static str,
    subject: &'a str,
    sequence: String,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    data: &'a Data<'a>,
}

/// Writes events, and numbers each stream from 1.
#[derive(Debug)]
pub struct EventWriter<W> {
    out: W,
    sequences: HashMap<String, u64>,
    buffer: Vec<u8>,
    pub written: u64,
    /// Events whose list of lines was cut.
    pub cut: u64,
}

impl<W: Write> EventWriter<W> {
    pub fn new(out: W) -> Self {
        Self {
            out,
            sequences: HashMap::new(),
            buffer: Vec::new(),
            written: 0,
            cut: 0,
        }
    }

    /// Writes one event and returns its id. The id is made of subject and sequence, so that a second run writes the
    /// same bytes.
    pub fn write(&mut self, about: About<'_>, mut data: Data<'_>) -> io::Result<String> {
        let sequence = self.next(about.subject);
        let id = format!("{}:{sequence}", about.subject);
        self.encode(&about, &id, sequence, &data)?;
        let mut cut = false;
        while self.buffer.len() > LARGEST_EVENT {
            let size = self.buffer.len();
            let Some(listing) = data.listing().filter(|listing| !listing.lines.is_empty()) else {
                return Err(io::Error::other(format!("event {id} is too large: {size} bytes")));
            };
            let lines = listing.lines.len();
            listing.cut_to((lines * LARGEST_EVENT / size).min(lines - 1));
            cut = true;
            self.encode(&about, &id, sequence, &data)?;
        }
        self.cut += u64::from(cut);
        self.written += 1;
        self.buffer.push(b'\n');
        self.out.write_all(&self.buffer)?;
        Ok(id)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn next(&mut self, subject: &str) -> u64 {
        if let Some(sequence) = self.sequences.get_mut(subject) {
            *sequence += 1;
            *sequence
        } else {
            self.sequences.insert(subject.to_owned(), 1);
            1
        }
    }

    fn encode(&mut self, about: &About<'_>, id: &str, sequence: u64, data: &Data<'_>) -> io::Result<()> {
        self.buffer.clear();
        let event = Event {
            specversion: "1.0",
            id,
            source: match data.source() {
                Source::Wallet => "/wallet",
                Source::Order => "/order",
            },
            r#type: data.event_type(),
            subject: about.subject,
            sequence: sequence.to_string(),
            time: about.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            correlationid: about.correlation,
            causationid: about.causation,
            data,
        };
        Ok(serde_json::to_writer(&mut self.buffer, &event)?)
    }
}
