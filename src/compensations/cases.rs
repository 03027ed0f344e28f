//! Cases for pages: the list, the search, the number that wait for a person, and one case with its events.

use super::{CompensationError, Compensations, Requester, form::check_allowed};
use crate::{
    domain::{
        access::Act,
        compensation::case::CaseRefusal,
        ids::{EntityId, LogName},
        refund::Limits,
    },
    read_model::{
        Moment,
        cases::CasesError,
        lists::Search,
        search::{Reach, SearchText},
    },
    views::{
        compensations::{CaseRow, CaseView},
        lists::{ListQuery, Page},
        search::Hits,
    },
};

impl Compensations {
    /// One page of the cases that match.
    pub async fn cases(&self, who: &Requester, query: &ListQuery) -> Result<Page<CaseRow>, CompensationError> {
        check_allowed(who, Act::Read)?;
        let page = self.cases.page(query).await?;
        Ok(Page {
            now: self.now(),
            ..page
        })
    }

    /// The cases that match a text, at most `shown`.
    pub async fn search_cases(
        &self,
        who: &Requester,
        text: &SearchText,
        shown: usize,
    ) -> Result<Hits<CaseRow>, CompensationError> {
        check_allowed(who, Act::Read)?;
        let moment = Moment {
            now: self.now(),
            limits: Limits::default(),
        };
        Ok(self.cases.search(text, Reach::page(shown, Search::Ids, moment)).await?)
    }

    /// The number of cases that this person may approve.
    pub async fn waiting_for(&self, who: &Requester) -> Result<u32, CompensationError> {
        check_allowed(who, Act::Read)?;
        if !who.role.can(Act::Approve) {
            return Ok(0);
        }
        let count = self.cases.waiting_for(who.name.as_str()).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// A case with its events, read from the compensation store.
    pub async fn case(&self, who: &Requester, id: &EntityId) -> Result<CaseView, CompensationError> {
        check_allowed(who, Act::Read)?;
        let case = self.read_case(id).await?;
        let (Some(row), Some(proposal)) = (CaseRow::of(&case), &case.state.proposal) else {
            return Err(CaseRefusal::Unknown.into());
        };
        // Newer events of the streams are only read while the case waits for a decision.
        let news = if case.state.awaits_approval() {
            self.read_news(proposal.pins()).await?
        } else {
            Vec::new()
        };
        let (name, now) = (who.name.as_str(), self.now());
        let decidable = case.state.check_can_decide(name, &proposal.command_hash, now);
        let could = who.role.can(Act::Approve) && case.state.awaits_approval();
        Ok(CaseView {
            row,
            news,
            can_decide: could && decidable.is_ok(),
            why_not: decidable.err().filter(|_| could).map(|refusal| refusal.to_string()),
            can_withdraw: who.role.can(Act::Propose) && case.state.check_can_withdraw(name).is_ok(),
            password_needed: !who.proved,
            code_needed: !who.proved && who.totp,
            state: case.state,
            story: case.entries,
            now,
        })
    }
}

impl From<CasesError> for CompensationError {
    fn from(error: CasesError) -> Self {
        match error {
            CasesError::List(error) => Self::List(error),
            CasesError::Store(reason) => Self::store(LogName::Compensation, reason),
            other => Self::store(LogName::Compensation, other.to_string()),
        }
    }
}
