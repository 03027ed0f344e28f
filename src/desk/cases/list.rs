//! What people read of cases: lists of them, how many wait for somebody, and one with its whole story.

use super::{Place, Rows, row};
use crate::{
    desk::{Desk, DeskError, Who, form::may},
    domain::{access::Act, compensation::case::CaseRefusal, ids::EntityId},
    views::{
        compensations::{CASES_ON_A_PAGE, CaseList, CaseRow, CaseView, CasesQuery},
        lists::NumberedPage,
    },
};

impl Desk {
    /// One page of the cases that are asked for, newest first.
    pub async fn cases(&self, who: &Who, query: CasesQuery) -> Result<NumberedPage<CaseRow>, DeskError> {
        may(who, Act::Read)?;
        self.cases.ready().await?;
        let rows = self.cases.rows();
        let places: Vec<&Place> = match query.list {
            CaseList::All => rows.all.keys().collect(),
            CaseList::Open => rows.open.iter().collect(),
            CaseList::Mine => rows.of.get(who.name.as_str()).into_iter().flatten().collect(),
            CaseList::ForMe => waiting(&rows, who).collect(),
        };
        let total = places.len() as u64;
        let on_a_page = u64::from(CASES_ON_A_PAGE);
        let pages = u32::try_from(total.div_ceil(on_a_page)).unwrap_or(u32::MAX).max(1);
        let page = query.page.clamp(1, pages);
        let skipped = (page - 1) as usize * CASES_ON_A_PAGE as usize;
        let shown = places.into_iter().skip(skipped).take(CASES_ON_A_PAGE as usize);
        Ok(NumberedPage {
            rows: shown.filter_map(|place| rows.all.get(place)).cloned().collect(),
            page,
            pages,
            total,
            now: self.now(),
        })
    }

    /// How many cases wait for an approval that this person may give.
    pub async fn waiting_for(&self, who: &Who) -> Result<u32, DeskError> {
        may(who, Act::Read)?;
        self.cases.ready().await?;
        let count = waiting(&self.cases.rows(), who).count();
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// A case with its story, read from its log.
    pub async fn case(&self, who: &Who, id: &EntityId) -> Result<CaseView, DeskError> {
        may(who, Act::Read)?;
        let case = self.read_case(id).await?;
        let (Some(row), Some(proposal)) = (row(id, &case.state), &case.state.proposal) else {
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

/// The cases that wait for an approval that `who` may give.
fn waiting<'a>(rows: &'a Rows, who: &'a Who) -> impl Iterator<Item = &'a Place> {
    let may = who.role.may(Act::Approve);
    rows.open.iter().filter(move |place| {
        let row = rows.all.get(place);
        // Only those that wait for an approval have a time by which it has to come.
        may && row.is_some_and(|row| row.expires_at.is_some() && row.proposer != who.name.as_str())
    })
}
