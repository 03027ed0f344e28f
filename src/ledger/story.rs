//! A refund's story: the events of its order and of the wallets that it concerns, in one timeline by effective time. It
//! shows where the two domains do not agree.

use std::collections::{BTreeSet, HashSet};

use crate::{
    domain::{
        ids::{Domain, EntityId},
        order::{OrderEvent, OrderState},
        refund::RefundRow,
        replay::{Replay, Replayable},
        wallet::{WalletEvent, WalletState},
    },
    views::{
        refunds::{RefundView, StoryRow},
        truncate,
    },
};

use crate::read_model::lists::findings::About;

use super::{
    Ledger, LedgerError,
    timeline::{SEGMENTS_READ, anomalies_at, replayed, unreadable},
};

/// An order, the other orders with the same refund id, and the wallets.
type OrdersOfRefund = (EntityId, Vec<EntityId>, BTreeSet<EntityId>);

/// Maximum number of events in a story. The oldest events that are not of the refund are left out first.
const STORY_MAX: usize = 200;
/// Maximum number of other orders with the same refund id that a page names.
const OTHER_ORDERS_SHOWN: usize = 20;
/// Maximum number of wallets that are read for a story.
const WALLETS_MAX: usize = 5;

impl Ledger {
    /// A refund's page. `order` selects the refund if several orders use its id; the default is the first of them.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn refund(&self, id: &str, order: Option<&str>) -> Result<RefundView, LedgerError> {
        let missing = || LedgerError::NotFound {
            what: format!("refund {id}"),
            filtered: false,
        };
        let (order, mut other_orders, wallets) = self.orders_of(id, order)?.ok_or_else(missing)?;
        let entries = self.read_all(Domain::Order, &order).await?;
        let order_replay = replayed::<OrderState>(entries);
        let state = &order_replay.fold.state;
        let refund = state.refunds.get(id).ok_or_else(missing)?;
        let now = self.now();
        let row = RefundRow::new(
            id,
            &order,
            state.wallet.as_deref(),
            state.customer.as_ref().map(|party| party.id.as_str()),
            refund,
            now,
            &self.model.settings().limits,
        );
        let mut story = of_order(&order_replay, &order, id);
        let mut missing = Vec::new();
        for wallet in &wallets {
            match self.wallet_naming(wallet, id, &order).await {
                Ok(replay) => story.extend(of_wallet(&replay, wallet, &order, id)),
                Err(_) if missing.is_empty() => missing.push(Domain::Wallet),
                Err(_) => {}
            }
        }
        // The sort is stable: events with the same time keep the order of their streams, the order's events first.
        story.sort_by_key(|row| row.entry.time().unwrap_or(row.entry.recorded));
        let omitted = story.len().saturating_sub(STORY_MAX);
        leave_out(&mut story, omitted);
        let other_order_count = other_orders.len() as u64;
        other_orders.truncate(OTHER_ORDERS_SHOWN);
        let (findings, finding_count) = self.findings_about(About::Refund, id)?;
        Ok(RefundView {
            limit_seconds: self
                .model
                .settings()
                .limits
                .of(row.state)
                .map(|limit| limit.num_seconds()),
            note: refund.note.clone(),
            failure: refund.failure.clone(),
            customer: state.customer.clone(),
            row,
            other_orders,
            other_order_count,
            story,
            omitted: omitted as u64,
            missing,
            findings,
            finding_count,
            now,
        })
    }

    /// The replay of a wallet. Of a long wallet, only the entries that name the refund or the order, and the newest
    /// ones.
    async fn wallet_naming(
        &self,
        wallet: &EntityId,
        refund: &str,
        order: &EntityId,
    ) -> Result<Replay<WalletState>, LedgerError> {
        let unreadable = |source| unreadable(Domain::Wallet, source);
        if !self.histories().is_long(wallet).await.map_err(unreadable)? {
            return Ok(replayed(self.read_all(Domain::Wallet, wallet).await?));
        }
        let naming = self
            .histories()
            .naming(wallet, refund, order.as_str(), SEGMENTS_READ)
            .await;
        naming.map_err(unreadable)
    }

    /// The selected order, the other orders with the refund id, and the wallets that the refund concerns.
    fn orders_of(&self, id: &str, wanted: Option<&str>) -> Result<Option<OrdersOfRefund>, LedgerError> {
        let mut orders = self.orders_naming_refund(id)?;
        let at = match wanted {
            Some(wanted) => orders.iter().position(|order| order.as_str() == wanted),
            None => (!orders.is_empty()).then_some(0),
        };
        let Some(at) = at else { return Ok(None) };
        let order = orders.remove(at);
        let own = self.wallet_named_by(&order)?;
        let own = own.and_then(|wallet| EntityId::new(wallet).ok());
        let credited = self.credited_for(id)?;
        let wallets = own.into_iter().chain(credited).take(WALLETS_MAX).collect();
        Ok(Some((order, orders, wallets)))
    }
}

fn row<S: Replayable>(replay: &Replay<S>, at: usize, domain: Domain, subject: &EntityId, of_refund: bool) -> StoryRow {
    let step = &replay.steps[at];
    StoryRow {
        domain,
        subject: subject.clone(),
        entry: truncate::row(&step.entry),
        applied: step.applied,
        of_refund,
        anomalies: anomalies_at(replay, at),
    }
}

/// Leaves out `omitted` events: first the oldest that are not of the refund, then the oldest of the refund.
fn leave_out(story: &mut Vec<StoryRow>, omitted: usize) {
    let mut left = omitted;
    for own in [false, true] {
        story.retain(|row| {
            let goes = left > 0 && row.of_refund == own;
            left -= usize::from(goes);
            !goes
        });
    }
}

/// All events of the order. The events of this refund are marked.
fn of_order(replay: &Replay<OrderState>, order: &EntityId, refund: &str) -> Vec<StoryRow> {
    let is_of_refund = |at: usize| {
        let fields = &replay.steps[at].entry.fields;
        let payload = OrderEvent::parse(fields.r#type().unwrap_or_default(), fields.data());
        match payload {
            Ok(OrderEvent::RefundRequested { refund: of, .. }) => of == refund,
            Ok(OrderEvent::Refund(step)) => step.refund == refund,
            _ => fields.correlationid() == Some(refund),
        }
    };
    (0..replay.steps.len())
        .map(|at| row(replay, at, Domain::Order, order, is_of_refund(at)))
        .collect()
}

/// The wallet's events that name the refund or the order, and the later events about their holds and entries.
fn of_wallet(replay: &Replay<WalletState>, wallet: &EntityId, order: &EntityId, refund: &str) -> Vec<StoryRow> {
    let mut holds: HashSet<String> = HashSet::new();
    // Event ids of this story, each with whether the event is of the refund itself.
    let mut ids: Vec<(String, bool)> = Vec::new();
    let mut story = Vec::new();
    let named = |name: Option<&str>, of: &str| name == Some(of);
    for (at, step) in replay.steps.iter().enumerate() {
        let fields = &step.entry.fields;
        let correlated = fields.correlationid() == Some(refund);
        let payload = WalletEvent::parse(fields.r#type().unwrap_or_default(), fields.data());
        // Whether the event belongs to the story, and whether it is of the refund itself.
        let (belongs, of_refund) = match &payload {
            Ok(WalletEvent::Credited {
                order: of,
                refund: for_refund,
                ..
            }) => {
                let of_refund = named(for_refund.as_deref(), refund);
                // A credit for another refund of the same order belongs to the story of that refund.
                let of_order = named(of.as_deref(), order.as_str()) && for_refund.is_none();
                (of_refund || of_order, of_refund)
            }
            Ok(WalletEvent::Debited { order: of, .. }) => (named(of.as_deref(), order.as_str()), false),
            Ok(WalletEvent::Held { hold, order: of, .. }) => {
                let belongs = named(of.as_deref(), order.as_str());
                if belongs {
                    holds.insert(hold.clone());
                }
                (belongs, false)
            }
            Ok(
                WalletEvent::HoldCaptured { hold, .. }
                | WalletEvent::HoldReleased { hold }
                | WalletEvent::HoldExpired { hold },
            ) => (holds.contains(hold), false),
            Ok(WalletEvent::EntryReversed { reverses, .. }) => {
                let of = ids.iter().find(|(id, _)| id == reverses);
                (of.is_some(), of.is_some_and(|(_, of_refund)| *of_refund))
            }
            _ => (false, false),
        };
        if belongs || correlated {
            let of_refund = of_refund || correlated;
            if let Some(id) = fields.id() {
                ids.push((id.to_owned(), of_refund));
            }
            story.push(row(replay, at, Domain::Wallet, wallet, of_refund));
        }
    }
    story
}
