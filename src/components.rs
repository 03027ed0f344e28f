//! The parts of pages: one component for each kind of value (money, time, ids, states, reasons), so that it looks the
//! same everywhere. Components take types of `domain` and `views`. They do not use the network, the router or the URL's
//! query.

#![expect(clippy::needless_pass_by_value, reason = "a component owns its properties")]

pub mod anomalies;
pub mod badge;
pub mod bar;
pub mod before_after;
pub mod case;
pub mod chart;
pub mod command;
pub mod entry;
pub mod event_summary;
pub mod field;
pub mod findings;
pub mod health;
pub mod icon;
pub mod id;
pub mod input;
pub mod markup;
pub mod money;
pub mod news;
pub mod notice;
pub mod page_links;
pub mod pagination;
pub mod reason;
pub mod refund_table;
pub mod steps;
pub mod sums;
pub mod table;
pub mod time;
pub mod time_travel;
pub mod timeline;
pub mod words;
