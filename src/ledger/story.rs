//! A refund's story: the events of its order and those of the wallets it touches, in one timeline by effective time. This is
//! where the seam between the two domains becomes visible.

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

/// An order, the others that use the refund's id, and wallets.
type Claims = (EntityId, Vec<EntityId>, BTreeSet<EntityId>);

/// Events of a story at most; the oldest around the refund are left out first.
const STORY_MAX: usize = 200;
/// Orders with the same refund id that a page names.
const OTHER_ORDERS_SHOWN: usize = 20;
/// Wallets that are read for a story at most.
const WALLETS_MAX: usize = 5;

impl Ledger {
    /// A refund's page. `order` says which refund is meant where several orders use its id; otherwise it is the first of them.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn refund(&self, id: &str, order: Option<&str>) -> Result<RefundView, LedgerError> {
        let missing = || LedgerError::NotFound {
            what: format!("refund {id}"),
            filtered: false,
        };
        let (order, mut other_orders, wallets) = self.claims(id, order)?.ok_or_else(missing)?;
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
        // Stable: what happened at one moment stays in the order of its stream, the order's events first.
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

    /// A wallet; of a long one only what names the refund or the order, and the newest events.
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

    /// The order that is meant, the others that use the refund's id, and the wallets that it touches.
    fn claims(&self, id: &str, wanted: Option<&str>) -> Result<Option<Claims>, LedgerError> {
        let mut orders = self.orders_claiming(id)?;
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

/// Leaves so many events out: the oldest ones around the refund, and if need be the oldest of its own.
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

/// All of the order's events; those of this refund are marked.
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

/// The wallet's events that name the refund or the order, and what later became of them.
fn of_wallet(replay: &Replay<WalletState>, wallet: &EntityId, order: &EntityId, refund: &str) -> Vec<StoryRow> {
    let mut holds: HashSet<String> = HashSet::new();
    // Event ids of this story, and whether they are of the refund itself.
    let mut ids: Vec<(String, bool)> = Vec::new();
    let mut story = Vec::new();
    let named = |name: Option<&str>, of: &str| name == Some(of);
    for (at, step) in replay.steps.iter().enumerate() {
        let fields = &step.entry.fields;
        let correlated = fields.correlationid() == Some(refund);
        let payload = WalletEvent::parse(fields.r#type().unwrap_or_default(), fields.data());
        // Whether it belongs here, and whether to the refund itself.
        let (belongs, of_refund) = match &payload {
            Ok(WalletEvent::Credited {
                order: of,
                refund: for_refund,
                ..
            }) => {
                let of_refund = named(for_refund.as_deref(), refund);
                // A credit for another refund of the same order is that one's story.
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
