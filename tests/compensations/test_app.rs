//! Compensations on stores of one test. The stores are opened anew each time, as another process would open them. Day
//! limits and the audit trail are in memory. Helpers write a story, fill in a form and check the result.
#![allow(dead_code, reason = "no test uses all of it")]

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use ledgerscope::{
    compensations::{
        AuditLog, AuditLogError, CompensationError, CompensationStores, Compensations, Credits, DayLimits, Requester,
        ReserveError, Settings,
    },
    domain::{
        access::{Limit, OperatorName, Role},
        audit::NewEntry,
        compensation::{
            case::{CaseState, CaseStatus},
            command::pins_text,
            decide::{KnownCredits, Uncertain},
            draft::Draft,
        },
        event::{Entry, NewEvent, format_time},
        fold::Fold,
        ids::{EntityId, LogName, Position},
        money::Money,
        order::OrderState,
        refund::RefundState,
        replay::{Filter, Replay, replay},
        wallet::WalletState,
    },
    event_log::{EventLog, Expected, READ_MAX, open},
    read_model::cases::Cases,
    views::compensations::{ApprovalForm, Confirmation, FormOutcome, Preview},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

pub struct TestApp {
    url: Box<dyn Fn(LogName) -> String + Send + Sync>,
    pub limits: Arc<Limits>,
    pub audit: Arc<Records>,
    _keeper: Box<dyn Any + Send + Sync>,
}

impl TestApp {
    pub fn embedded() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        Self::new(move |log| format!("embedded:{}/{log}", path.display()), dir)
    }

    /// All logs in one Redis server. Their keys have different prefixes.
    pub fn redis(url: String, keeper: impl Any + Send + Sync) -> Self {
        Self::new(move |_| url.clone(), keeper)
    }

    fn new(url: impl Fn(LogName) -> String + Send + Sync + 'static, keeper: impl Any + Send + Sync) -> Self {
        Self {
            url: Box::new(url),
            limits: Arc::default(),
            audit: Arc::default(),
            _keeper: Box::new(keeper),
        }
    }

    pub fn log(&self, name: LogName) -> Arc<dyn EventLog> {
        open(name, &(self.url)(name)).unwrap()
    }

    pub fn stores(&self) -> CompensationStores {
        CompensationStores {
            wallet: self.log(LogName::Wallet),
            order: self.log(LogName::Order),
            compensation: self.log(LogName::Compensation),
        }
    }

    /// Compensations as another process would have them.
    pub fn compensations(&self) -> Arc<Compensations> {
        self.compensations_on(self.stores(), Settings::default())
    }

    /// Compensations that recover the cases of others without a grace period.
    pub fn recovering(&self) -> Arc<Compensations> {
        let settings = Settings {
            grace: TimeDelta::zero(),
            ..Settings::default()
        };
        self.compensations_on(self.stores(), settings)
    }

    pub fn compensations_on(&self, stores: CompensationStores, settings: Settings) -> Arc<Compensations> {
        Arc::new(self.new_compensations(stores, settings))
    }

    pub fn new_compensations(&self, stores: CompensationStores, settings: Settings) -> Compensations {
        self.compensations_with(stores, settings, &[(&[], None)])
    }

    /// Compensations whose read model gives these answers, one after the other, and then the last one again and again.
    pub fn compensations_that_know(&self, answers: &[Answer<'_>]) -> Compensations {
        self.compensations_with(self.stores(), impatient(), answers)
    }

    pub fn compensations_with(
        &self,
        stores: CompensationStores,
        settings: Settings,
        answers: &[Answer<'_>],
    ) -> Compensations {
        let cases = Cases::temporary(Arc::clone(&stores.compensation)).unwrap();
        Compensations::new(
            stores,
            Arc::clone(&self.limits) as Arc<dyn DayLimits>,
            Arc::clone(&self.audit) as Arc<dyn AuditLog>,
            Arc::new(TestCredits::new(answers)),
            cases,
            settings,
        )
    }

    /// Appends as another producer would.
    pub async fn given(&self, log: LogName, subject: &str, events: &[(&str, Value)]) {
        let log = self.log(log);
        let events: Vec<_> = events.iter().map(|(kind, data)| foreign(kind, data)).collect();
        log.append(&id(subject), Expected::Any, &events).await.unwrap();
    }

    /// A wallet with a top-up of 50.00, and an order of 100.00 with an approved refund of 30.00 to it.
    pub async fn story(&self, number: usize) -> Story {
        let story = Story::new(number);
        self.given(LogName::Wallet, &story.wallet, &wallet_events()).await;
        let asked = refund_events(&story.wallet, &story.refund, "30");
        self.given(LogName::Order, &story.order, &asked).await;
        story
    }

    pub async fn entries(&self, log: LogName, subject: &str) -> Vec<Entry> {
        self.log(log)
            .read(&id(subject), Position::START, READ_MAX)
            .await
            .unwrap()
    }

    pub async fn wallet(&self, subject: &str) -> Replay<WalletState> {
        replay(self.entries(LogName::Wallet, subject).await, &Filter::default()).unwrap()
    }

    pub async fn order(&self, subject: &str) -> Replay<OrderState> {
        replay(self.entries(LogName::Order, subject).await, &Filter::default()).unwrap()
    }

    pub async fn case(&self, case: &EntityId) -> CaseState {
        let mut fold = Fold::<CaseState>::new();
        for entry in self.entries(LogName::Compensation, case.as_str()).await {
            assert!(
                fold.push(&entry, |_| {}),
                "an event of a case does not count: {:?}",
                entry.fields
            );
        }
        fold.state
    }

    pub async fn status(&self, case: &EntityId) -> Option<CaseStatus> {
        self.case(case).await.status
    }

    /// The number of credits for the refund in the wallet that are not wholly reversed.
    pub async fn standing(&self, story: &Story) -> usize {
        let wallet = self.wallet(&story.wallet).await;
        let postings = wallet.fold.state.postings.values();
        postings
            .filter(|posting| posting.refund.as_deref() == Some(&story.refund) && !posting.wholly_reversed())
            .count()
    }

    pub async fn refund_state(&self, story: &Story) -> RefundState {
        self.order(&story.order).await.fold.state.refunds[&story.refund].state
    }

    /// Checks that both domains agree: the refund is settled once in both or in neither, and not more is refunded than
    /// was paid.
    pub async fn assert_settled(&self, story: &Story, settled: bool) {
        let standing = self.standing(story).await;
        let order = self.order(&story.order).await;
        let state = order.fold.state.refunds[&story.refund].state;
        assert_eq!(standing, usize::from(settled), "credits that are not reversed");
        assert_eq!(state == RefundState::Succeeded, settled, "the refund is {state}");
        assert!(order.fold.complete, "{:?}", order.anomalies);
        assert!(order.steps.iter().all(|step| step.after.refunded <= step.after.paid));
        let wallet = self.wallet(&story.wallet).await;
        assert!(wallet.fold.complete, "{:?}", wallet.anomalies);
        let expected = if settled { "80.00" } else { "50.00" };
        assert_eq!(wallet.fold.state.posted.to_string(), expected);
    }
}

/// The wallets that were credited for a refund, and why that is not certain.
pub type Answer<'a> = (&'a [&'a str], Option<Uncertain>);

/// Answers that do not depend on the refund.
struct TestCredits {
    answers: Mutex<Vec<KnownCredits>>,
}

impl TestCredits {
    fn new(answers: &[Answer<'_>]) -> Self {
        let known = |(wallets, uncertain): &Answer<'_>| KnownCredits {
            wallets: wallets.iter().map(|wallet| id(wallet)).collect(),
            uncertain: *uncertain,
        };
        Self {
            answers: Mutex::new(answers.iter().rev().map(known).collect()),
        }
    }
}

#[async_trait]
impl Credits for TestCredits {
    async fn of_refund(&self, _: &str) -> KnownCredits {
        let mut answers = self.answers.lock().unwrap();
        match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop().unwrap(),
        }
    }
}

/// The ids of one story's wallet, order and refund.
#[derive(Clone, Debug)]
pub struct Story {
    pub wallet: String,
    pub order: String,
    pub refund: String,
}

impl Story {
    pub fn new(number: usize) -> Self {
        Self {
            wallet: format!("W-{number}"),
            order: format!("O-{number}"),
            refund: format!("R-{number}"),
        }
    }

    pub fn settle(&self) -> Draft {
        draft("settle_refund", &self.order, &self.refund, "")
    }
}

pub fn wallet_events() -> Vec<(&'static str, Value)> {
    vec![
        ("wallet.opened", json!({"owner": {"id": "C-1"}, "currency": "EUR"})),
        ("wallet.credited", json!({"amount": eur("50"), "kind": "top_up"})),
    ]
}

pub fn refund_events(wallet: &str, refund: &str, amount: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("order.placed", json!({"wallet": wallet, "total": eur("100")})),
        (
            "order.paid",
            json!({"payment": "P", "amount": eur("100"), "method": "card"}),
        ),
        (
            "order.refund_requested",
            json!({"refund": refund, "amount": eur(amount), "reason": "return", "destination": "wallet"}),
        ),
        ("order.refund_approved", json!({"refund": refund})),
    ]
}

pub fn foreign(kind: &str, data: &Value) -> NewEvent {
    NewEvent {
        id: uuid::Uuid::now_v7().to_string(),
        r#type: kind.to_owned(),
        time: format_time(Utc::now()),
        actor: None,
        idempotencykey: None,
        correlationid: None,
        causationid: None,
        data: data.to_string(),
        extra: Vec::new(),
    }
}

pub fn eur(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

pub fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

pub fn id(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

/// A requester of finance who may issue 1,000 at once and a million a day.
pub fn finance(name: &str) -> Requester {
    who(name, Role::Finance, &[("1000", "1000000")])
}

pub fn support(name: &str) -> Requester {
    who(name, Role::Support, &[])
}

pub fn who(name: &str, role: Role, limits: &[(&str, &str)]) -> Requester {
    Requester {
        name: OperatorName::new(name).unwrap(),
        role,
        limits: limits
            .iter()
            .map(|(single, daily)| Limit {
                single: euros(single),
                daily: euros(daily),
            })
            .collect(),
        proved: true,
        totp: false,
        from: Some("127.0.0.1".to_owned()),
        session: Some("s".to_owned()),
    }
}

pub fn draft(command: &str, subject: &str, item: &str, amount: &str) -> Draft {
    Draft {
        command: command.to_owned(),
        subject: subject.to_owned(),
        item: item.to_owned(),
        amount: amount.to_owned(),
        reason: "return".to_owned(),
        note: "asked for by phone".to_owned(),
    }
}

/// Previews a draft. Returns the form as a page would send it.
pub async fn preview(compensations: &Compensations, who: &Requester, draft: &Draft) -> (Box<Preview>, Confirmation) {
    let view = compensations.form(who, draft, &[]).await.unwrap();
    confirmation(draft, view.outcome).unwrap_or_else(|outcome| panic!("nothing to issue: {outcome:?}"))
}

/// The form that a page sends for a preview. The error is the form's outcome if it has no preview.
pub fn confirmation(draft: &Draft, outcome: FormOutcome) -> Result<(Box<Preview>, Confirmation), FormOutcome> {
    let FormOutcome::Ready(preview) = outcome else {
        return Err(outcome);
    };
    let confirmation = Confirmation {
        draft: draft.clone(),
        case: preview.case.to_string(),
        command_hash: preview.command_hash.clone(),
        seen: pins_text(&preview.pins),
        amount_again: preview.amount.amount().to_string(),
        ..Confirmation::default()
    };
    Ok((preview, confirmation))
}

/// Previews and issues a draft.
pub async fn issue(
    compensations: &Compensations,
    who: &Requester,
    draft: &Draft,
) -> Result<EntityId, CompensationError> {
    let (_, confirmation) = preview(compensations, who, draft).await;
    compensations.issue(who, &confirmation).await
}

pub fn decision(case: &EntityId, confirmation: &Confirmation) -> ApprovalForm {
    ApprovalForm {
        case: case.to_string(),
        command_hash: confirmation.command_hash.clone(),
        ..ApprovalForm::default()
    }
}

/// Counts equal outcomes.
pub fn count<T: std::fmt::Debug>(outcomes: impl IntoIterator<Item = T>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        let text = format!("{outcome:?}");
        let name = text.split("EntityId").next().unwrap_or_default().to_owned();
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// Day limits in memory, by the rules of the port.
#[derive(Default)]
pub struct Limits {
    reserved: Mutex<HashMap<(OperatorName, NaiveDate), HashMap<EntityId, Money>>>,
}

impl Limits {
    pub fn used(&self, operator: &OperatorName) -> Decimal {
        let reserved = self.reserved.lock().unwrap();
        let of = reserved.iter().filter(|((name, _), _)| name == operator);
        of.flat_map(|(_, cases)| cases.values()).map(Money::amount).sum()
    }
}

#[async_trait]
impl DayLimits for Limits {
    async fn reserve(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        amount: Money,
        daily: Money,
        now: DateTime<Utc>,
    ) -> Result<(), ReserveError> {
        let mut reserved = self.reserved.lock().unwrap();
        let day = reserved.entry((operator.clone(), now.date_naive())).or_default();
        let others = day.iter().filter(|(id, _)| *id != case);
        let used: Decimal = others.map(|(_, amount)| amount.amount()).sum();
        if used + amount.amount() > daily.amount() {
            return Err(ReserveError::Exceeded);
        }
        day.insert(case.clone(), amount);
        Ok(())
    }

    async fn release(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        reserved: DateTime<Utc>,
    ) -> Result<(), ReserveError> {
        let mut all = self.reserved.lock().unwrap();
        if let Some(day) = all.get_mut(&(operator.clone(), reserved.date_naive())) {
            day.remove(case);
        }
        Ok(())
    }

    async fn fits(
        &self,
        operator: &OperatorName,
        amount: Money,
        daily: Money,
        _: DateTime<Utc>,
    ) -> Result<bool, ReserveError> {
        Ok(self.used(operator) + amount.amount() <= daily.amount())
    }
}

/// An audit trail in memory that can be made to fail.
#[derive(Default)]
pub struct Records {
    pub entries: Mutex<Vec<NewEntry>>,
    pub broken: AtomicBool,
}

#[async_trait]
impl AuditLog for Records {
    async fn record(&self, entry: NewEntry) -> Result<(), AuditLogError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(AuditLogError("switched off".to_owned()));
        }
        self.entries.lock().unwrap().push(entry);
        Ok(())
    }
}

/// Settings with a short timeout.
pub fn impatient() -> Settings {
    Settings {
        patience: Duration::from_millis(300),
        ..Settings::default()
    }
}
