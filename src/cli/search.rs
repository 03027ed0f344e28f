//! `ledgerscope search`: all hits of a text, by kind (contract §8). Hits come from a read model that is up to date,
//! from the streams whose events may have the text as an id, and from the cases of the compensation store.

use std::collections::BTreeSet;

use chrono::Utc;
use clap::Args;
use serde::Serialize;

use super::{
    CliError,
    list::{
        flags::{check, limit, not_understood, one_of},
        say_unreadable,
    },
    output::{Column, Output, count, plain, print_error, table},
    settings::Settings,
};
use crate::{
    domain::{
        ids::{Domain, LogName},
        replay::Filter,
    },
    ledger::search::find_rows,
    read_model::{
        Moment, UpToDate,
        cases::{Cases, CasesError},
        search::{Reach, SearchText},
    },
    views::{
        compensations::CaseRow,
        lists::{Count, SEARCH_MAX},
        search::{Carrier, Hits, Matched, SearchKind, SearchView, with_decimal_point},
    },
};

const KIND: &str = "kind";
/// Hits of a kind that are printed by default.
const LIMIT: &str = "20";
const COLUMNS: &[Column] = &[
    Column::Left("kind"),
    Column::Left("id"),
    Column::Left("wallet"),
    Column::Left("order"),
    Column::Left("matched"),
    Column::Left("exact"),
];

#[derive(Args, Debug)]
pub struct SearchArgs {
    /// A part of an id or of a name, an amount such as 12.50 or '12.50 EUR', or the whole id of a payment, a reference, an event
    /// or a correlation; put '--' before a text that is also a flag
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    text: String,

    #[arg(
        long = KIND,
        value_name = "KIND",
        value_delimiter = ',',
        help = format!("Only of this kind: {}; several with commas", one_of(words()))
    )]
    kinds: Vec<String>,

    /// Maximum number of hits of each kind
    #[arg(long, value_name = "N", default_value = LIMIT, allow_negative_numbers = true)]
    limit: String,

    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

fn words() -> impl Iterator<Item = &'static str> {
    SearchKind::ALL.iter().map(|kind| kind.as_str())
}

/// The parsed arguments.
struct Asked {
    /// `None`: the text is empty after folding.
    text: Option<SearchText>,
    /// Empty: all kinds.
    kinds: Vec<SearchKind>,
    /// Maximum number of hits of a kind.
    limit: usize,
}

impl Asked {
    fn wants(&self, kind: SearchKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether rows and events of wallets and orders are searched.
    fn wants_domains(&self) -> bool {
        SearchKind::ALL
            .iter()
            .any(|kind| *kind != SearchKind::Case && self.wants(*kind))
    }
}

impl SearchArgs {
    /// Parses the arguments. The error is wrong usage.
    fn asked(&self) -> Result<Asked, String> {
        let text = self.text.trim();
        if text.is_empty() {
            return Err("the text is empty; give a text to search for".to_owned());
        }
        let characters = text.chars().count();
        let text = SearchText::read(text)
            .map_err(|_| format!("the text has {characters} characters; use at most {SEARCH_MAX}"))?;
        let kinds = self.kinds.iter().map(|kind| {
            check(KIND, kind)?;
            kind.parse().map_err(|_| {
                let value = format!("'{}'", plain(kind));
                not_understood(KIND, &value, &one_of(words()))
            })
        });
        Ok(Asked {
            text,
            kinds: kinds.collect::<Result<_, _>>()?,
            limit: limit(&self.limit)?,
        })
    }
}

/// Prints the hits.
pub async fn run(settings: &Settings, args: &SearchArgs) -> Result<(), CliError> {
    let asked = args.asked().map_err(CliError::Usage)?;
    let (view, all_read) = match &asked.text {
        Some(text) => find(settings, &asked, text).await?,
        None => (SearchView::default(), Ok(())),
    };
    let found = Found::of(view);
    let advice = with_decimal_point(&args.text).map(|text| format!("write {} to search for an amount", plain(&text)));
    if found.hits.is_empty() {
        let nothing = format!("nothing found for '{}'", plain(args.text.trim()));
        return Err(CliError::Negative(match advice {
            Some(advice) => format!("{nothing}; {advice}"),
            None => nothing,
        }));
    }
    found.print(args.json)?;
    if let Some(advice) = advice {
        print_error(&advice);
    }
    all_read
}

/// The hits, and an error if a stream can't be read. The streams are reported already.
async fn find(
    settings: &Settings,
    asked: &Asked,
    text: &SearchText,
) -> Result<(SearchView, Result<(), CliError>), CliError> {
    let moment = Moment {
        now: Utc::now(),
        limits: settings.limits(),
    };
    let reach = Reach::command(asked.limit, moment);
    let needed: &[Domain] = if asked.wants_domains() { &Domain::ALL } else { &[] };
    let stores = settings.existing_stores(needed)?;
    // The compensation store is read first: if it does not answer, no read model is made.
    let cases = find_cases(settings, asked, text, reach).await?;
    if needed.is_empty() {
        let view = SearchView {
            cases,
            ..SearchView::default()
        };
        return Ok((view, Ok(())));
    }
    let model = UpToDate::open(&stores, &settings.of_read_model(), needed, &Filter::default()).await?;
    let rows = model.read(|connection| find_rows(connection, text, |kind| asked.wants(kind), &reach))?;
    let view = rows.with_events(&stores, text, &reach).await?;
    let all_read = say_unreadable(&model, needed).and(say_not_read(&model, &view));
    Ok((SearchView { cases, ..view }, all_read))
}

/// Reports the streams that can't be read although the read model does not know that yet. Their hits are from what was
/// read before.
fn say_not_read(model: &UpToDate, view: &SearchView) -> Result<(), CliError> {
    let carriers = [&view.references, &view.events, &view.correlations].into_iter();
    let hits = carriers.flat_map(|of_kind| of_kind.hits.iter().map(|hit| &hit.row));
    let mut not_read: BTreeSet<(Domain, &str)> = (hits.filter(|carrier| carrier.position.is_none()))
        .map(|carrier| (carrier.domain, carrier.subject.as_str()))
        .collect();
    for domain in Domain::ALL {
        let known = model.unreadable(domain)?;
        not_read.retain(|(of, id)| *of != domain || known.iter().all(|known| known.id != *id));
    }
    for (domain, id) in &not_read {
        print_error(&format!("{domain} {id} can't be read; its hit is from an earlier read"));
    }
    if not_read.is_empty() {
        Ok(())
    } else {
        Err(CliError::Printed)
    }
}

/// The cases that the text finds. Unless `--kind` asks for cases, a missing embedded store has no hits.
async fn find_cases(
    settings: &Settings,
    asked: &Asked,
    text: &SearchText,
    reach: Reach,
) -> Result<Hits<CaseRow>, CliError> {
    let name = LogName::Compensation;
    if !asked.wants(SearchKind::Case) || asked.kinds.is_empty() && !settings.exists(name) {
        return Ok(Hits::default());
    }
    let cases = Cases::temporary(settings.existing_log_of(name)?)?;
    loop {
        match cases.search(text, reach).await {
            // There are more cases than one call reads. The next call reads on.
            Err(CasesError::Loading) => {}
            found => return Ok(found?),
        }
    }
}

/// The fields of contract §8, in its order.
#[derive(Serialize)]
struct HitLine {
    kind: SearchKind,
    id: String,
    wallet: Option<String>,
    order: Option<String>,
    matched: Matched,
    exact: bool,
}

impl HitLine {
    fn cells(&self) -> Vec<String> {
        let matched = match self.matched {
            Matched::Id => "id",
            Matched::Name => "name",
            Matched::Amount => "amount",
        };
        vec![
            self.kind.as_str().to_owned(),
            plain(&self.id),
            plain(self.wallet.as_deref().unwrap_or("")),
            plain(self.order.as_deref().unwrap_or("")),
            matched.to_owned(),
            if self.exact { "yes" } else { "" }.to_owned(),
        ]
    }
}

/// The hits of all kinds, in the order of the kinds.
#[derive(Default)]
struct Found {
    hits: Vec<HitLine>,
    /// Kinds that have more hits than are printed: the number printed, and the number of all.
    cut: Vec<(SearchKind, usize, Count)>,
}

impl Found {
    fn of(view: SearchView) -> Self {
        let mut found = Self::default();
        found.add(SearchKind::Wallet, view.wallets, |row| {
            let id = row.id.to_string();
            (id.clone(), Some(id), None)
        });
        found.add(SearchKind::Order, view.orders, |row| {
            let id = row.id.to_string();
            (id.clone(), row.wallet, Some(id))
        });
        found.add(SearchKind::Refund, view.refunds, |row| {
            (row.refund, row.wallet, Some(row.order.to_string()))
        });
        found.add(SearchKind::Hold, view.holds, |row| {
            (row.hold, Some(row.wallet.to_string()), row.order)
        });
        found.add(SearchKind::Case, view.cases, |row| (row.id.to_string(), None, None));
        found.add(SearchKind::Customer, view.customers, |row| (row.customer, None, None));
        found.add(SearchKind::Payment, view.payments, |row| {
            (row.payment, row.wallet, Some(row.order.to_string()))
        });
        found.add(SearchKind::Reference, view.references, of_carrier);
        found.add(SearchKind::Event, view.events, of_carrier);
        found.add(SearchKind::Correlation, view.correlations, of_carrier);
        found
    }

    /// Adds the hits of a kind. `texts` returns the id of a row, its wallet and its order.
    fn add<Row>(
        &mut self,
        kind: SearchKind,
        hits: Hits<Row>,
        texts: impl Fn(Row) -> (String, Option<String>, Option<String>),
    ) {
        let shown = hits.hits.len();
        let is_cut = match hits.count {
            Count::Exactly(count) => count > shown as u64,
            Count::AtLeast(_) => true,
        };
        if is_cut {
            self.cut.push((kind, shown, hits.count));
        }
        self.hits.extend(hits.hits.into_iter().map(|hit| {
            let (id, wallet, order) = texts(hit.row);
            HitLine {
                kind,
                id,
                wallet,
                order,
                matched: hit.matched,
                exact: hit.exact,
            }
        }));
    }

    fn print(&self, json: bool) -> Result<(), CliError> {
        let mut out = Output::new();
        if json {
            for hit in &self.hits {
                out.json(hit)?;
            }
        } else {
            let mut hits = table(COLUMNS);
            hits.add_rows(self.hits.iter().map(HitLine::cells));
            out.table(&hits)?;
            out.line("")?;
            out.line(&count(self.hits.len(), "hit"))?;
            for (kind, shown, count) in &self.cut {
                let (kind, all) = (kind.as_str(), hits_of(*count));
                out.line(&format!("{kind}: {shown} of {all}; use --limit to show more"))?;
            }
        }
        out.finish()?;
        Ok(())
    }
}

/// The number of hits in words: `25`, or `more than 1000`.
fn hits_of(count: Count) -> String {
    match count {
        Count::Exactly(count) => count.to_string(),
        Count::AtLeast(count) => format!("more than {count}"),
    }
}

fn of_carrier(row: Carrier) -> (String, Option<String>, Option<String>) {
    let subject = Some(row.subject.to_string());
    match row.domain {
        Domain::Wallet => (row.id, subject, None),
        Domain::Order => (row.id, row.wallet, subject),
    }
}
