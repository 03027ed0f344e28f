//! The page of a list: the filter bar, the active filters, the number and sums of the matching rows, the table, and the
//! links to other pages. The query of the address determines all of it. [`ListRow`] defines a list's columns and rows.

mod chips;
mod empty;
mod filters;
mod heads;

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;

pub use self::heads::{Column, plain_heads};
use self::{
    chips::chips,
    empty::{no_rows_here, nothing},
    filters::FilterBar,
    heads::{heads, sorts_by_heads},
};
use super::{
    address::search,
    live::follow,
    region::{SharedAnswer, as_of, part, region, shared},
    session::Session,
};
use crate::{
    api::{ApiError, get_health},
    components::{
        health::unread,
        notice::Ignored,
        page_links::{PageInfo, PageLinks, SearchOn},
        sums::Sums,
        table::Table,
        words::{grouped, sentence, total},
    },
    domain::{access::Act, ids::Domain},
    views::{
        href,
        lists::{Count, ListName, ListQuery, Page, PageAt},
        query::{Parsed, list_csv_href, list_href, list_query},
    },
};

/// A row of a list, and what is specific to the page of that list.
pub trait ListRow: Clone + Send + Sync + 'static {
    const LIST: ListName;
    /// The stores from which the rows come. A page with any of them follows the live changes.
    const DOMAINS: &'static [Domain];
    /// What the search covers; the placeholder of the search field.
    const SEARCHED: &'static str;
    const COLUMNS: &'static [Column];
    /// The title and the text of an empty list without filters.
    const NONE: (&'static str, &'static str);

    fn ask(query: ListQuery) -> impl Future<Output = Result<Page<Self>, ApiError>> + Send;

    /// The row of the table, with a cell for each of [`ListRow::COLUMNS`].
    fn row(self, now: DateTime<Utc>) -> AnyView;
}

/// A page of a list, with its query and what it lacks.
#[derive(Clone)]
pub struct Answered<Row: ListRow> {
    pub query: ListQuery,
    pub page: Page<Row>,
    /// What is not read of the stores or not indexed yet, one sentence each.
    pub unread: Vec<String>,
}

impl<Row: ListRow> Answered<Row> {
    /// The position of the page, and its neighbours. It is the first page if the query's cursor could not be followed.
    pub fn info(&self) -> PageInfo {
        let at = if self.page.note.is_some() {
            PageAt::First
        } else {
            self.query.at.clone()
        };
        PageInfo::of(at, &self.page)
    }
}

/// Gets a page of rows. Gets the health of the stores first: no row of a store that is read by then is missing.
pub async fn answered<Row: ListRow>(query: ListQuery) -> Result<Answered<Row>, ApiError> {
    let stores = get_health().await?;
    let page = Row::ask(query.clone()).await?;
    let mut unread = unread(&stores, Row::DOMAINS);
    if page.unindexed {
        unread.push(
            "The search index is still being built. Until it is ready, a page searches at most 5,000 rows.".to_owned(),
        );
    }
    Ok(Answered { query, page, unread })
}

/// The page of a list. `above` is shown between its head and its filters.
pub fn list_page<Row: ListRow>(above: impl FnOnce(&ListQuery) -> AnyView) -> AnyView {
    let list = Row::LIST;
    let search = search();
    let Parsed { query, ignored } = list_query(list, &search);
    let answer = shared(answered::<Row>(query.clone()));
    let csv = list_csv_href(list, &query);
    let file = Session::current().if_allowed(Act::Export, || {
        view! {
            <a class="button is-small" href=csv rel="external" download="">
                "Download as CSV"
            </a>
        }
        .into_any()
    });
    let above = above(&query);
    // Holds and cases have no names of customers.
    let has_names = !matches!(list, ListName::Holds | ListName::Cases);
    // People search customers by name, so the list of customers shows the note before any search.
    let is_asked = list == ListName::Customers || !query.text.is_empty();
    let hidden = has_names && is_asked && !Session::current().can(Act::ReadPersonal);
    let hidden = hidden.then(|| {
        let look_up = Session::current().if_allowed(Act::LookUp, || {
            view! { " " <a href=href::LOOK_UP>"Look a customer up by the whole name"</a> }.into_any()
        });
        view! { <p class="aside" role="note">"Names are hidden from your role; search an id or an amount." {look_up}</p> }
    });
    let moves = (!Row::DOMAINS.is_empty()).then(|| "all".to_owned());
    view! {
        <Title text=list_title(list) />
        {follow(moves)}
        <header class="page-head">
            <h1>{list_title(list)}</h1>
            {as_of(answer.clone(), |answer| answer.page.now)}
            {file}
        </header>
        <div class="stack">
            {above}
            <search class="panel filter-bar" aria-label="Filters">
                {filters(answer.clone(), query.clone(), search)}
                {chips(list, &query)}
            </search>
            {hidden}
            {notes(answer.clone(), ignored)}
            <div class="panel">{region(answer, list.as_str(), show)}</div>
        </div>
    }
    .into_any()
}

/// The heading of a list.
fn list_title(list: ListName) -> String {
    sentence(list.as_str())
}

/// The filter bar. Its currencies come from the answer.
fn filters<Row: ListRow>(answer: SharedAnswer<Answered<Row>>, query: ListQuery, search: String) -> AnyView {
    part(answer, move |answer| {
        let currencies = answer.map(|answer| answer.page.currencies).unwrap_or_default();
        view! {
            <FilterBar
                list=Row::LIST
                searched=Row::SEARCHED
                heads_sort=sorts_by_heads(Row::LIST, Row::COLUMNS)
                query
                search
                currencies
            />
        }
        .into_any()
    })
}

/// The parts of the address that have no effect.
fn notes<Row: ListRow>(answer: SharedAnswer<Answered<Row>>, mut notes: Vec<String>) -> AnyView {
    part(answer, move |answer| {
        notes.extend(answer.ok().and_then(|answer| answer.page.note));
        view! { <Ignored notes /> }.into_any()
    })
}

fn show<Row: ListRow>(answer: Answered<Row>) -> AnyView {
    let list = Row::LIST;
    let info = answer.info();
    let Answered { query, page, unread } = answer;
    let href_of = |at| list_href(list, &query.page(at));
    if page.rows.is_empty() {
        return no_rows_here(list.noun(), &info, &unread, href_of).unwrap_or_else(|| nothing(list, &query, Row::NONE));
    }
    let heads = heads(list, &query, Row::COLUMNS);
    let overdue = page.overdue.filter(|overdue| *overdue > 0);
    let overdue = overdue.map(|overdue| {
        view! { <span class="totals-overdue">{format!("{} overdue", grouped(overdue))}</span> }
    });
    let sums = page.sums.filter(|sums| !sums.is_empty());
    let now = page.now;
    let rows = page.rows.into_iter().map(|row| row.row(now)).collect_view();
    view! {
        <div class="totals">
            <p>
                <strong>{found(page.total, list.noun(), &unread)}</strong>
                {overdue}
            </p>
            {not_read(&unread)}
            {sums.map(|sums| view! { <Sums sums counts=true /> })}
        </div>
        <Table caption=list_title(list) class="cards-when-narrow">
            <thead>{heads}</thead>
            <tbody>{rows}</tbody>
        </Table>
        <SearchOn info=info.clone() href=href_of />
        <PageLinks label=list_title(list) info href=href_of />
    }
    .into_any()
}

/// The number of matching rows: `2 wallets`, or `2 wallets so far` if something is unread.
fn found(count: Count, noun: &str, unread: &[String]) -> String {
    let so_far = if unread.is_empty() { "" } else { " so far" };
    format!("{}{so_far}", total(count, noun))
}

/// The sentences of `unread` as one paragraph. `None` if there are none.
fn not_read(unread: &[String]) -> Option<AnyView> {
    let text = unread.join(" ");
    (!text.is_empty()).then(|| view! { <p class="aside">{text}</p> }.into_any())
}
