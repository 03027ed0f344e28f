//! `ledgerscope order`: one order, replayed from its log and printed as contract §8 says, or as text for people.

use chrono::{DateTime, Utc};
use clap::Args;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    CliError,
    amounts::printed,
    describe,
    filter::FilterArgs,
    list::refunds,
    output::{Column, Output, plain, table},
    scan,
    settings::Settings,
    wallet::{EntryJson, anomalies, cells, history_line, party},
};
use crate::domain::{
    fold::Anomaly,
    ids::{Domain, EntityId, Sequence},
    money::Currency,
    order::OrderState,
    refund::{Limits, RefundRow},
    replay::{OrderSums, Replay, Replayable as _},
};

#[derive(Args, Debug)]
pub struct OrderArgs {
    /// The order's id
    id: EntityId,
    #[command(flatten)]
    filter: FilterArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, args: &OrderArgs) -> Result<(), CliError> {
    let log = settings.existing_log_of(Domain::Order)?;
    let replay = scan::replayed::<OrderState>(&*log, &args.id, &args.filter.filter()).await?;
    let now = args.filter.at.unwrap_or_else(Utc::now);
    let refunds = refund_rows(&args.id, &replay.fold.state, now, &settings.limits());
    let mut out = Output::new();
    if args.json {
        out.json(&OrderJson::new(&args.id, &replay, &refunds))?;
    } else {
        people(&mut out, &args.id, &replay, &refunds)?;
    }
    out.finish()?;
    Ok(())
}

/// An order's refunds, oldest first.
pub fn refund_rows(id: &EntityId, order: &OrderState, now: DateTime<Utc>, limits: &Limits) -> Vec<RefundRow> {
    let (wallet, customer) = (order.wallet.as_deref(), order.customer.as_ref());
    let customer = customer.map(|party| party.id.as_str());
    let mut rows: Vec<_> = order
        .refunds
        .iter()
        .map(|(refund, state)| RefundRow::new(refund, id, wallet, customer, state, now, limits))
        .collect();
    rows.sort_by(|a, b| a.age_order().cmp(&b.age_order()));
    rows
}

/// The fields of contract §8, in its order.
#[derive(Serialize)]
struct OrderJson<'a> {
    order: &'a EntityId,
    wallet: Option<&'a str>,
    status: &'static str,
    currency: Option<Currency>,
    total: Option<Decimal>,
    #[serde(flatten)]
    sums: SumsJson,
    sequence: Sequence,
    complete: bool,
    anomalies: &'a [Anomaly],
    refunds: &'a [RefundRow],
    entries: Vec<EntryJson<'a, SumsJson>>,
}

#[derive(Serialize)]
struct SumsJson {
    paid: String,
    refunded: String,
    pending: String,
    refundable: String,
}

impl SumsJson {
    fn new(sums: &OrderSums, currency: Option<Currency>) -> Self {
        Self {
            paid: printed(sums.paid, currency),
            refunded: printed(sums.refunded, currency),
            pending: printed(sums.pending, currency),
            refundable: printed(sums.refundable, currency),
        }
    }
}

impl<'a> OrderJson<'a> {
    fn new(id: &'a EntityId, replay: &'a Replay<OrderState>, refunds: &'a [RefundRow]) -> Self {
        let state = &replay.fold.state;
        Self {
            order: id,
            wallet: state.wallet.as_deref(),
            status: state.status.as_str(),
            currency: state.currency,
            total: state.total,
            sums: SumsJson::new(&state.figures(), state.currency),
            sequence: replay.fold.sequence,
            complete: replay.fold.complete,
            anomalies: &replay.anomalies,
            refunds,
            entries: replay
                .steps
                .iter()
                .map(|step| EntryJson::new(step, SumsJson::new(&step.after, state.currency)))
                .collect(),
        }
    }
}

fn people(out: &mut Output, id: &EntityId, replay: &Replay<OrderState>, refunds: &[RefundRow]) -> Result<(), CliError> {
    head(out, id, replay)?;
    if !refunds.is_empty() {
        out.line("")?;
        refunds::print(out, refunds)?;
    }
    out.line("")?;
    let currency = replay.fold.state.currency;
    let mut entries = table(&[
        Column::Right("#"),
        Column::Left("time"),
        Column::Left("type"),
        Column::Left("what"),
        Column::Right("paid"),
        Column::Right("refunded"),
        Column::Right("pending"),
        Column::Right("refundable"),
        Column::Left("actor"),
    ]);
    for step in &replay.steps {
        let [number, time, kind, actor] = cells(step);
        let sums = SumsJson::new(&step.after, currency);
        let what = plain(&describe::order(&step.entry));
        entries.add_row([
            number,
            time,
            kind,
            what,
            sums.paid,
            sums.refunded,
            sums.pending,
            sums.refundable,
            actor,
        ]);
    }
    out.table(&entries)?;
    anomalies(out, &replay.anomalies)
}

fn head(out: &mut Output, id: &EntityId, replay: &Replay<OrderState>) -> Result<(), CliError> {
    let state = &replay.fold.state;
    let sums = SumsJson::new(&state.figures(), state.currency);
    let code = state.currency.map_or_else(String::new, String::from);
    let total = state
        .total
        .map_or_else(|| "unknown".to_owned(), |total| total.to_string());
    out.line(&format!("Order {id}, {} {code}", state.status))?;
    if let Some(customer) = &state.customer {
        out.line(&format!("Customer   {}", plain(&party(customer))))?;
    }
    if let Some(wallet) = &state.wallet {
        out.line(&format!("Wallet     {}", plain(wallet)))?;
    }
    out.line(&format!("Total      {total}"))?;
    out.line(&format!("Paid       {}", sums.paid))?;
    out.line(&format!(
        "Refunded   {}, {} pending, {} refundable",
        sums.refunded, sums.pending, sums.refundable
    ))?;
    history_line(out, replay.fold.events, replay.fold.sequence, replay.fold.complete)
}
