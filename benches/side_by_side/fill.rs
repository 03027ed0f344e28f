//! Writes ledgers of any size to a Redis server of the bench, as another producer does (contract §2): plain XADD to the
//! stream and to the feed with the same id. Replies are switched off until the end, where the entries of the feed are
//! counted.

use std::{
    io::{BufReader, BufWriter, Read as _, Write as _},
    net::TcpStream,
};

use chrono::{SecondsFormat, Utc};

/// The first recorded time: 2026-01-01.
const FIRST_MILLISECOND: u64 = 1_767_225_600_000;
/// The number of entries per millisecond of recorded time.
const A_MILLISECOND: u64 = 50;
/// The number of events of a wallet of [`Wire::wallets`].
pub const WALLET_EVENTS: usize = 20;

pub struct Wire {
    out: BufWriter<TcpStream>,
    domain: &'static str,
    written: u64,
}

impl Wire {
    pub fn open(port: u16, domain: &'static str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the bench's own redis-server");
        let mut wire = Self {
            out: BufWriter::with_capacity(1 << 20, stream),
            domain,
            written: 0,
        };
        wire.command(&["CLIENT", "REPLY", "OFF"]);
        wire
    }

    fn command(&mut self, parts: &[&str]) {
        write!(self.out, "*{}\r\n", parts.len()).expect("the wire");
        for part in parts {
            write!(self.out, "${}\r\n{part}\r\n", part.len()).expect("the wire");
        }
    }

    /// Writes an event with the next time and the next recorded time of the ledger's simulated clock.
    pub fn event(&mut self, subject: &str, sequence: usize, kind: &str, data: &str) {
        let seconds = self.written / 10_000;
        let time = format!(
            "2026-01-{:02}T{:02}:{:02}:{:02}.250Z",
            1 + seconds / 86_400 % 28,
            seconds / 3_600 % 24,
            seconds / 60 % 60,
            seconds % 60
        );
        self.event_at(subject, sequence, kind, data, &time);
    }

    /// Writes an event with this time and the next recorded time.
    pub fn event_at(&mut self, subject: &str, sequence: usize, kind: &str, data: &str, time: &str) {
        let n = self.written;
        let recorded = FIRST_MILLISECOND + n / A_MILLISECOND;
        self.add(
            &format!("{recorded}-{}", n % A_MILLISECOND),
            subject,
            sequence,
            kind,
            data,
            time,
        );
    }

    /// Writes an event with the current time. Redis assigns the entry ids.
    pub fn event_now(&mut self, subject: &str, sequence: usize, kind: &str, data: &str) {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        self.add("*", subject, sequence, kind, data, &now);
    }

    fn add(&mut self, at: &str, subject: &str, sequence: usize, kind: &str, data: &str, time: &str) {
        self.written += 1;
        let (stream, feed) = (
            format!("{}:{{0}}:{subject}", self.domain),
            format!("{}:{{0}}:feed", self.domain),
        );
        let id = event_id(subject, sequence);
        let sequence = sequence.to_string();
        self.command(&[
            "XADD",
            &stream,
            at,
            "id",
            &id,
            "type",
            kind,
            "sequence",
            &sequence,
            "time",
            time,
            "actor",
            "shop",
            "correlationid",
            subject,
            "data",
            data,
        ]);
        self.command(&["XADD", &feed, at, "subject", subject, "sequence", &sequence]);
    }

    /// The number of written events.
    pub fn written(&self) -> u64 {
        self.written
    }

    pub fn flush(&mut self) {
        self.out.flush().expect("the wire");
    }

    /// Waits until the server has read everything. Panics if the feed has another number of entries than were written.
    pub fn finish(self) {
        let written = self.written;
        assert_eq!(self.close(), written, "what arrived");
    }

    /// Waits until the server has read everything. Returns the number of entries of the feed.
    pub fn close(mut self) -> u64 {
        let feed = format!("{}:{{0}}:feed", self.domain);
        self.command(&["CLIENT", "REPLY", "ON"]);
        self.command(&["XLEN", &feed]);
        self.command(&["QUIT"]);
        self.flush();
        let mut text = String::new();
        let mut stream = BufReader::new(self.out.into_inner().expect("the wire"));
        stream.read_to_string(&mut text).expect("an answer");
        let length = text.strip_prefix("+OK\r\n:").and_then(|rest| rest.split_once("\r\n"));
        let length = length.and_then(|(length, _)| length.parse().ok());
        length.unwrap_or_else(|| panic!("{text}"))
    }

    /// Writes wallets of twenty events each: opened, credited, six purchases that are held and captured, fees, a
    /// refund, a reversal.
    pub fn wallets(&mut self, count: usize) {
        for number in 0..count {
            let wallet = format!("W-{number:07}");
            self.open_wallet(&wallet);
            self.event(
                &wallet,
                2,
                "wallet.credited",
                &money(50_000, r#","kind":"top_up","reference":"bank transfer 4711""#),
            );
            let mut sequence = 3;
            for order in 0..6 {
                let (hold, cents) = (format!(r#","hold":"H-{number}-{order}""#), 1_250 + order * 199);
                self.event(
                    &wallet,
                    sequence,
                    "wallet.held",
                    &money(cents, &format!(r#"{hold},"order":"O-{number}-{order}""#)),
                );
                self.event(&wallet, sequence + 1, "wallet.hold_captured", &money(cents, &hold));
                sequence += 2;
            }
            for fee in 0..4 {
                self.event(
                    &wallet,
                    sequence + fee,
                    "wallet.debited",
                    &money(399 + fee, r#","kind":"fee","note":"monthly fee""#),
                );
            }
            let refund = format!(r#","kind":"refund","order":"O-{number}-0","refund":"R-{number}""#);
            self.event(&wallet, 19, "wallet.credited", &money(1_250, &refund));
            let reversal = format!(r#","reverses":"{}","reason":"charged twice""#, event_id(&wallet, 15));
            self.event(&wallet, 20, "wallet.entry_reversed", &money(399, &reversal));
        }
    }

    pub fn open_wallet(&mut self, wallet: &str) {
        let data = r#"{"owner":{"id":"C-1","name":"Ada Vermeulen"},"currency":"EUR"}"#;
        self.event(wallet, 1, "wallet.opened", data);
    }

    /// Writes one wallet with this number of events.
    pub fn long_wallet(&mut self, wallet: &str, events: usize) {
        self.open_wallet(wallet);
        for sequence in 2..=events {
            let kind = if sequence % 2 == 0 {
                "wallet.credited"
            } else {
                "wallet.debited"
            };
            let rest = if sequence % 2 == 0 {
                r#","kind":"top_up""#
            } else {
                r#","kind":"purchase""#
            };
            self.event(wallet, sequence, kind, &money(500, rest));
        }
    }
}

fn event_id(subject: &str, sequence: usize) -> String {
    format!("0190a1b2-7ccc-8ddd-{subject}-{sequence:07}")
}

/// `{"amount":{…}` followed by the other fields in `rest`, which begin with a comma.
fn money(cents: usize, rest: &str) -> String {
    format!(
        r#"{{"amount":{{"amount":"{}.{:02}","currency":"EUR"}}{rest}}}"#,
        cents / 100,
        cents % 100
    )
}
