//! `ledgerscope wallet`: one wallet, replayed from its log and printed as contract §8 says, or as text for people.

use clap::Args;
use serde::Serialize;

use super::{
    CliError,
    amounts::printed,
    describe,
    filter::FilterArgs,
    output::{Column, Output, plain, table},
    scan,
    settings::Settings,
};
use crate::domain::{
    event::format_recorded,
    fold::Anomaly,
    ids::{Domain, EntityId, Sequence},
    money::Currency,
    replay::{Balances, Replay, Step},
    wallet::{Party, WalletState},
};

#[derive(Args, Debug)]
pub struct WalletArgs {
    /// The wallet's id
    id: EntityId,
    #[command(flatten)]
    filter: FilterArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, args: &WalletArgs) -> Result<(), CliError> {
    let log = settings.existing_log_of(Domain::Wallet)?;
    let replay = scan::replayed::<WalletState>(&*log, &args.id, &args.filter.filter()).await?;
    let mut out = Output::new();
    if args.json {
        out.json(&WalletJson::new(&args.id, &replay))?;
    } else {
        people(&mut out, &args.id, &replay)?;
    }
    out.finish()?;
    Ok(())
}

/// The fields of contract §8, in its order.
#[derive(Serialize)]
struct WalletJson<'a> {
    wallet: &'a EntityId,
    status: &'static str,
    currency: Option<Currency>,
    owner: Option<&'a Party>,
    sequence: Sequence,
    complete: bool,
    #[serde(flatten)]
    balances: BalancesJson,
    anomalies: &'a [Anomaly],
    entries: Vec<EntryJson<'a, BalancesJson>>,
}

#[derive(Serialize)]
struct BalancesJson {
    posted: String,
    held: String,
    available: String,
}

/// An entry of a timeline: the fields of the event as they are stored, and the figures after it. An absent field is
/// `null`, and so is a sequence that can't be parsed.
#[derive(Serialize)]
pub struct EntryJson<'a, F> {
    sequence: Option<Sequence>,
    id: Option<&'a str>,
    r#type: Option<&'a str>,
    time: Option<&'a str>,
    recordedtime: String,
    actor: Option<&'a str>,
    #[serde(flatten)]
    figures: F,
}

impl<'a, F> EntryJson<'a, F> {
    pub fn new<G>(step: &'a Step<G>, figures: F) -> Self {
        let fields = &step.entry.fields;
        Self {
            sequence: step.entry.sequence(),
            id: fields.id(),
            r#type: fields.r#type(),
            time: fields.time(),
            recordedtime: format_recorded(step.entry.recorded),
            actor: fields.actor(),
            figures,
        }
    }
}

impl BalancesJson {
    fn new(balances: &Balances, currency: Option<Currency>) -> Self {
        Self {
            posted: printed(balances.posted, currency),
            held: printed(balances.held, currency),
            available: printed(balances.available, currency),
        }
    }
}

impl<'a> WalletJson<'a> {
    fn new(id: &'a EntityId, replay: &'a Replay<WalletState>) -> Self {
        let state = &replay.fold.state;
        Self {
            wallet: id,
            status: state.status.as_str(),
            currency: state.currency,
            owner: state.owner.as_ref(),
            sequence: replay.fold.sequence,
            complete: replay.fold.complete,
            balances: BalancesJson::new(&last_figures(replay), state.currency),
            anomalies: &replay.anomalies,
            entries: replay
                .steps
                .iter()
                .map(|step| EntryJson::new(step, BalancesJson::new(&step.after, state.currency)))
                .collect(),
        }
    }
}

fn last_figures(replay: &Replay<WalletState>) -> Balances {
    replay.steps.last().map(|step| step.after).unwrap_or_default()
}

fn people(out: &mut Output, id: &EntityId, replay: &Replay<WalletState>) -> Result<(), CliError> {
    let state = &replay.fold.state;
    let currency = state.currency;
    let code = currency.map_or_else(String::new, String::from);
    let last = last_figures(replay);
    out.line(&format!("Wallet {id}, {} {code}", state.status))?;
    if let Some(owner) = &state.owner {
        out.line(&format!("Owner      {}", plain(&party(owner))))?;
    }
    out.line(&format!("Posted     {}", printed(last.posted, currency)))?;
    out.line(&format!("Held       {}", printed(last.held, currency)))?;
    out.line(&format!("Available  {}", printed(last.available, currency)))?;
    history_line(out, replay.fold.events, replay.fold.sequence, replay.fold.complete)?;
    out.line("")?;
    let mut entries = table(&[
        Column::Right("#"),
        Column::Left("time"),
        Column::Left("type"),
        Column::Left("what"),
        Column::Right("posted"),
        Column::Right("held"),
        Column::Right("available"),
        Column::Left("actor"),
    ]);
    for step in &replay.steps {
        let [number, time, kind, actor] = cells(step);
        entries.add_row([
            number,
            time,
            kind,
            plain(&describe::wallet(&step.entry)),
            printed(step.after.posted, currency),
            printed(step.after.held, currency),
            printed(step.after.available, currency),
            actor,
        ]);
    }
    out.table(&entries)?;
    anomalies(out, &replay.anomalies)
}

/// A person as text for people: name and id, or the id alone.
pub fn party(party: &Party) -> String {
    match &party.name {
        Some(name) => format!("{name} ({})", party.id),
        None => party.id.clone(),
    }
}

/// The cells that the timelines of all domains have: number, time, type, actor. An event that was not applied has a `!`
/// before its number.
pub fn cells<F>(step: &Step<F>) -> [String; 4] {
    let fields = &step.entry.fields;
    let mark = if step.applied { "" } else { "!" };
    let number = fields.sequence().unwrap_or("?");
    [
        format!("{mark}{}", plain(number)),
        plain(fields.time().unwrap_or("?")),
        plain(fields.r#type().unwrap_or("?")),
        plain(fields.actor().unwrap_or("")),
    ]
}

pub fn history_line(out: &mut Output, events: u64, sequence: Sequence, complete: bool) -> Result<(), CliError> {
    let whole = if complete {
        "complete"
    } else {
        "INCOMPLETE: see the anomalies below"
    };
    out.line(&format!("History    {events} events up to number {sequence}, {whole}"))?;
    Ok(())
}

/// Prints the anomalies below the table.
pub fn anomalies(out: &mut Output, anomalies: &[Anomaly]) -> Result<(), CliError> {
    if anomalies.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.line("Anomalies")?;
    for anomaly in anomalies {
        let at = anomaly.sequence.map_or_else(|| "?".to_owned(), |n| n.to_string());
        out.line(&format!("  {at:>6}  {}", plain(&anomaly.message)))?;
    }
    Ok(())
}
