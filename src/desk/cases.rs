//! What people read of cases: lists of them, how many wait for somebody, and one with its whole story.

use super::{Desk, DeskError, Who, form::may};
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

impl Desk {
    /// One page of the cases that match.
    pub async fn cases(&self, who: &Who, query: &ListQuery) -> Result<Page<CaseRow>, DeskError> {
        may(who, Act::Read)?;
        let page = self.cases.page(query).await?;
        Ok(Page {
            now: self.now(),
            ..page
        })
    }

    /// The cases that a text finds, so many at most.
    pub async fn search_cases(&self, who: &Who, text: &SearchText, shown: usize) -> Result<Hits<CaseRow>, DeskError> {
        may(who, Act::Read)?;
        let moment = Moment {
            now: self.now(),
            limits: Limits::default(),
        };
        Ok(self.cases.search(text, Reach::page(shown, Search::Ids, moment)).await?)
    }

    /// How many cases wait for an approval that this person may give.
    pub async fn waiting_for(&self, who: &Who) -> Result<u32, DeskError> {
        may(who, Act::Read)?;
        if !who.role.may(Act::Approve) {
            return Ok(0);
        }
        let count = self.cases.waiting_for(who.name.as_str()).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// A case with its story, read from its log.
    pub async fn case(&self, who: &Who, id: &EntityId) -> Result<CaseView, DeskError> {
        may(who, Act::Read)?;
        let case = self.read_case(id).await?;
        let (Some(row), Some(proposal)) = (CaseRow::of(&case), &case.state.proposal) else {
            return Err(CaseRefusal::Unknown.into());
        };
        // What happened since matters to those who have to decide; afterwards it is the streams' own story.
        let news = if case.state.awaits_approval() {
            self.read_news(proposal.pins()).await?
        } else {
            Vec::new()
        };
        let (name, now) = (who.name.as_str(), self.now());
        let judged = case.state.may_judge(name, &proposal.command_hash, now);
        let could = who.role.may(Act::Approve) && case.state.awaits_approval();
        Ok(CaseView {
            row,
            news,
            may_judge: could && judged.is_ok(),
            why_not: judged.err().filter(|_| could).map(|refusal| refusal.to_string()),
            may_withdraw: who.role.may(Act::Propose) && case.state.may_withdraw(name).is_ok(),
            password_needed: !who.proved,
            code_needed: !who.proved && who.totp,
            state: case.state,
            story: case.entries,
            now,
        })
    }
}

impl From<CasesError> for DeskError {
    fn from(error: CasesError) -> Self {
        match error {
            CasesError::List(error) => Self::List(error),
            CasesError::Store(reason) => Self::store(LogName::Compensation, reason),
            other => Self::store(LogName::Compensation, other.to_string()),
        }
    }
}
