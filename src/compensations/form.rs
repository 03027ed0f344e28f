//! The form of a command with a preview: the command is decided on the current streams. Nothing is written, so the
//! preview can be repeated while somebody types.

use uuid::Uuid;

use super::{CompensationError, Compensations, Requester, ReserveError, hash::command_hash, load::LoadedState};
use crate::{
    domain::{
        access::{Act, Limit},
        compensation::{
            case::CASE_PREFIX,
            command::{Command, CommandName, Pin, RETYPE_ABOVE_MINOR},
            decide::{CommandState, Decision, Warning, decide},
            draft::Draft,
        },
        ids::{Domain, EntityId, IdError, LogName},
        money::{Currency, Money},
        wallet::HoldState,
    },
    views::compensations::{FormOutcome, FormView, Preview, Route},
};

impl Compensations {
    /// The form with a preview of the command, or with what is wrong with it. `seen` contains the stream positions that
    /// the reader last saw; later events are returned as news. Writes nothing.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn form(&self, who: &Requester, draft: &Draft, seen: &[Pin]) -> Result<FormView, CompensationError> {
        check_allowed(who, Act::Propose)?;
        let name = draft.name()?;
        let subject = draft.subject()?;
        let refund = (name.domain() == Domain::Order).then_some(draft.item.as_str());
        let loaded = self.load(name, &subject, Some(&draft.item)).await?;
        let state = &loaded.state;
        let currency = currency(name, state);
        let outcome = if draft.is_untouched() {
            FormOutcome::Untouched
        } else {
            match draft.command(currency) {
                Err(mistake) => FormOutcome::Mistake(mistake),
                Ok(command) => self.preview(who, command, state).await?,
            }
        };
        Ok(FormView {
            name,
            domain: name.domain(),
            item: (!draft.item.is_empty() && takes_item(name)).then(|| draft.item.clone()),
            currency,
            figures: state.figures(refund),
            item_amount: item_amount(name, &draft.item, state),
            outcome,
            news: self.news(&loaded, seen).await?,
            now: self.now(),
            subject,
        })
    }

    async fn preview(
        &self,
        who: &Requester,
        command: Command,
        state: &CommandState,
    ) -> Result<FormOutcome, CompensationError> {
        let case = new_case().map_err(|error| CompensationError::store(LogName::Compensation, error.to_string()))?;
        let now = self.now();
        let decision = match decide(&command, state, &case, now) {
            Err(rejection) => return Ok(FormOutcome::Rejected(rejection)),
            Ok(decision) => decision,
        };
        let route = self.foresee_route(who, &decision).await?;
        let pins = state.pins(&command);
        Ok(FormOutcome::Ready(Box::new(Preview {
            case,
            command_hash: command_hash(&command, &pins),
            pins,
            command,
            retype: needs_retyping(decision.amount),
            password_needed: !who.proved,
            code_needed: !who.proved && who.totp,
            expires_at: now + self.settings.approval_time,
            before: decision.before,
            after: decision.after,
            steps: decision.steps,
            amount: decision.amount,
            warnings: decision.warnings,
            route,
        })))
    }

    /// The route that the command would take now. The rest of the daily limit may be used up before it is issued.
    async fn foresee_route(&self, who: &Requester, decision: &Decision) -> Result<Route, CompensationError> {
        let limit = match own_limit(who, decision) {
            Ok(limit) => limit,
            Err(route) => return Ok(route),
        };
        let fits = self
            .limits
            .fits(&who.name, decision.amount, limit.daily, self.now())
            .await
            .map_err(|error| limits_failed(&error))?;
        Ok(if fits {
            Route::Issue
        } else {
            Route::AboveDaily { limit: limit.daily }
        })
    }
}

pub(super) fn check_allowed(who: &Requester, act: Act) -> Result<(), CompensationError> {
    if who.role.can(act) {
        Ok(())
    } else {
        Err(CompensationError::Forbidden(act))
    }
}

/// The limit within which the person may issue this alone, or the route if not. The rest of the daily limit is not
/// checked here.
pub(super) fn own_limit(who: &Requester, decision: &Decision) -> Result<Limit, Route> {
    if !who.role.can(Act::Issue) {
        return Err(Route::RoleProposes);
    }
    let currency = decision.amount.currency();
    let limit = who.limits.iter().find(|limit| limit.currency() == currency);
    let limit = *limit.ok_or(Route::NoLimit { currency })?;
    if decision.amount.amount() > limit.single.amount() {
        return Err(Route::AboveSingle { limit: limit.single });
    }
    if decision.warnings.iter().any(Warning::needs_second_person) {
        return Err(Route::Doubtful);
    }
    Ok(limit)
}

pub(super) fn limits_failed(error: &ReserveError) -> CompensationError {
    CompensationError::store(LogName::Access, error.to_string())
}

pub(super) fn needs_retyping(amount: Money) -> bool {
    let minor = amount.amount().mantissa();
    minor > i128::from(RETYPE_ABOVE_MINOR)
}

/// The currency of typed amounts.
pub(super) fn currency(name: CommandName, state: &CommandState) -> Option<Currency> {
    match name.domain() {
        Domain::Wallet => state.wallet.as_ref()?.fold.state.currency,
        Domain::Order => state.order.as_ref()?.fold.state.currency,
    }
}

fn takes_item(name: CommandName) -> bool {
    !matches!(name, CommandName::CreditWallet | CommandName::DebitWallet)
}

/// The amount of the item: that of the refund or open hold, or the part of an entry that is not reversed.
fn item_amount(name: CommandName, item: &str, state: &CommandState) -> Option<rust_decimal::Decimal> {
    let wallet = state.wallet.as_ref().map(|wallet| &wallet.fold.state);
    match name {
        CommandName::CreditWallet | CommandName::DebitWallet => None,
        CommandName::ReverseEntry => {
            let entry = wallet?.postings.get(item)?;
            Some(entry.amount.abs() - entry.reversed)
        }
        CommandName::ReleaseHold => {
            let hold = wallet?.holds.get(item)?;
            (hold.state == HoldState::Open).then_some(hold.amount)
        }
        _ => Some(state.order.as_ref()?.fold.state.refunds.get(item)?.amount.amount()),
    }
}

fn new_case() -> Result<EntityId, IdError> {
    EntityId::new(format!("{CASE_PREFIX}{}", Uuid::now_v7()))
}

/// Parses a form's case id; `None` if no preview can have made it.
pub(super) fn read_case_id(text: &str) -> Option<EntityId> {
    let uuid = text.strip_prefix(CASE_PREFIX)?;
    // Only the canonical spelling of the UUID is accepted, so that a case has one id.
    let parsed = Uuid::try_parse(uuid).ok()?;
    (parsed.hyphenated().to_string() == uuid)
        .then(|| EntityId::new(text).ok())
        .flatten()
}

impl LoadedState {
    /// Whether the streams are at the positions in `seen`.
    pub fn is_at(&self, command: &Command, seen: &[Pin]) -> bool {
        self.state.pins(command) == seen
    }
}
