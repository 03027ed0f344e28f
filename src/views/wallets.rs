//! Wallets in lists, and the page of one wallet.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    lists::Part,
    orders::OrderRow,
    timelines::{ChartPoint, Extent, Timeline},
};
use crate::domain::{
    findings::Finding,
    fold::Anomaly,
    ids::{EntityId, Sequence},
    money::Currency,
    replay::Balances,
    wallet::{HoldState, Party, WalletStatus},
};

/// A wallet in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalletRow {
    pub id: EntityId,
    pub owner: Option<Party>,
    pub status: WalletStatus,
    pub currency: Option<Currency>,
    pub balances: Balances,
    pub sequence: Sequence,
    pub complete: bool,
    pub last_time: Option<DateTime<Utc>>,
}

/// A wallet's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalletView {
    pub id: EntityId,
    pub owner: Option<Party>,
    pub status: WalletStatus,
    pub currency: Option<Currency>,
    /// The sequence of the last event that the filter keeps.
    pub sequence: Sequence,
    pub complete: bool,
    pub balances: Balances,
    /// Ordered by hold id.
    pub open_holds: Part<HoldRow>,
    pub anomalies: Vec<Anomaly>,
    pub anomaly_count: u64,
    pub timeline: Timeline<Balances>,
    /// Ids of the timeline's credits, debits and captures that are not fully reversed.
    pub reversible: Vec<String>,
    pub chart: Vec<ChartPoint>,
    pub extent: Extent,
    /// Current findings that name this wallet.
    pub findings: Vec<Finding>,
    pub finding_count: u64,
    /// Orders that name this wallet, the last changed first; at most 20.
    pub orders: Vec<OrderRow>,
    pub now: DateTime<Utc>,
}

/// A hold as a wallet's page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldRow {
    pub hold: String,
    pub amount: Decimal,
    pub order: Option<String>,
    pub since: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub state: HoldState,
}

/// A hold in the list of holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldListRow {
    pub hold: String,
    pub wallet: EntityId,
    pub order: Option<String>,
    pub state: HoldState,
    pub amount: Decimal,
    pub currency: Option<Currency>,
    pub held_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}
