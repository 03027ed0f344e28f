//! Contract §6: the life of a case, and who can act on it.

use super::{
    super::super::compensation::case::{
        ApprovalDecision, Authority, CaseEvent, CaseRefusal, CaseState, CaseStatus, Ending, Issued, Proposal, Refused,
    },
    *,
};

fn proposal(authority: Authority) -> CaseEvent {
    let Asked(command, loaded, decision) = given(&wallet(), &approved()).when(settle());
    let decision = decision.unwrap();
    let pins = loaded.pins(&command);
    CaseEvent::Proposed(Box::new(Proposal {
        command_hash: "hash".into(),
        target: pins[0].clone(),
        also: pins[1..].to_vec(),
        before: decision.before,
        after: decision.after,
        reason: command.reason.clone(),
        note: command.note.clone(),
        command,
        expires_at: hour(10),
        steps: decision.steps,
        amount: decision.amount,
        authority,
        warnings: decision.warnings,
    }))
}

fn decision() -> ApprovalDecision {
    ApprovalDecision {
        command_hash: "hash".into(),
        note: None,
    }
}

fn ending() -> Ending {
    Ending { why: "because".into() }
}

fn issued() -> CaseEvent {
    CaseEvent::Issued(Issued { events: Vec::new() })
}

fn refused() -> CaseEvent {
    CaseEvent::Refused(Refused {
        rejection: "because".into(),
        events: Vec::new(),
    })
}

/// An event with its actor and its hour.
type Said = (Option<&'static str>, i64, CaseEvent);

/// The state after these events, and the number of events that were refused.
fn fold_case(events: &[Said]) -> (CaseState, usize) {
    let (mut fold, mut odd) = (Fold::<CaseState>::new(), 0);
    for (number, (actor, at, event)) in (1..).zip(events) {
        let mut entry = entry(number, event.type_name(), &json!({}));
        entry.fields.replace(Known::Data, Some(&event.data()));
        entry.fields.replace(Known::Actor, *actor);
        entry.fields.replace(Known::Time, Some(&format_time(hour(*at))));
        odd += usize::from(!fold.push(&entry, |_| {}));
    }
    (fold.state, odd)
}

fn four_eyes(then: &[Said]) -> (CaseState, usize) {
    let mut events = vec![(Some("sue"), 0, proposal(Authority::FourEyes))];
    events.extend_from_slice(then);
    fold_case(&events)
}

#[test]
fn a_proposal_goes_to_one_end() {
    let by = Some("fred");
    let approved = || (by, 1, CaseEvent::Approved(decision()));
    let rows: [(Vec<Said>, CaseStatus); 7] = [
        (vec![], CaseStatus::Proposed),
        (vec![approved()], CaseStatus::Approved),
        (vec![(by, 1, CaseEvent::Declined(decision()))], CaseStatus::Declined),
        (
            vec![(Some("sue"), 1, CaseEvent::Withdrawn(ending()))],
            CaseStatus::Withdrawn,
        ),
        (vec![(None, 11, CaseEvent::Lapsed(ending()))], CaseStatus::Lapsed),
        (vec![approved(), (None, 1, issued())], CaseStatus::Issued),
        (vec![approved(), (None, 1, refused())], CaseStatus::Refused),
    ];
    for (events, status) in rows {
        let (state, odd) = four_eyes(&events);
        assert_eq!((state.status, odd), (Some(status), 0));
        let to_be_issued = status == CaseStatus::Approved;
        assert_eq!(
            (state.awaits_approval(), state.is_to_be_issued()),
            (events.is_empty(), to_be_issued)
        );
        if status.is_final() {
            // No event can follow a final status.
            let more = [
                approved(),
                (None, 2, issued()),
                (None, 2, refused()),
                (None, 2, CaseEvent::Lapsed(ending())),
            ];
            let events = [events, more.to_vec()].concat();
            let (after, odd) = four_eyes(&events);
            assert_eq!((after.status, odd), (Some(status), 4));
        }
    }
}

#[test]
fn events_of_the_wrong_actor_are_refused() {
    let other = ApprovalDecision {
        command_hash: "another".into(),
        note: None,
    };
    for said in [
        // In this order: the proposer's own approval; events without an actor; an approval of another command; one that
        // is too late; a withdrawal by somebody else; an issue and a refusal without an approval; a second proposal.
        (Some("sue"), 1, CaseEvent::Approved(decision())),
        (None, 1, CaseEvent::Approved(decision())),
        (Some(""), 1, CaseEvent::Approved(decision())),
        (None, 1, CaseEvent::Declined(decision())),
        (Some("fred"), 1, CaseEvent::Approved(other)),
        (Some("fred"), 11, CaseEvent::Approved(decision())),
        (Some("fred"), 1, CaseEvent::Withdrawn(ending())),
        (None, 1, issued()),
        (None, 1, refused()),
        (Some("sue"), 1, proposal(Authority::OwnLimit)),
    ] {
        let (state, odd) = four_eyes(std::slice::from_ref(&said));
        assert_eq!((state.status, odd), (Some(CaseStatus::Proposed), 1), "{said:?}");
        assert!(!state.is_to_be_issued());
    }
    assert_eq!(fold_case(&[(None, 0, proposal(Authority::OwnLimit))]).1, 1);
}

#[test]
fn a_case_within_the_own_limit_needs_no_approval() {
    let (state, _) = fold_case(&[(Some("fred"), 0, proposal(Authority::OwnLimit))]);
    assert!(state.is_to_be_issued() && !state.awaits_approval() && !state.is_expired(hour(99)));
    assert_eq!(
        state.check_can_decide("fay", "hash", hour(1)),
        Err(CaseRefusal::NoApprovalNeeded)
    );
    assert_eq!(state.check_can_withdraw("fred"), Err(CaseRefusal::NoApprovalNeeded));
}

#[test]
fn a_refused_decision_or_withdrawal_has_its_reason() {
    let (state, _) = four_eyes(&[]);
    let decide = |by: &str, hash: &str, at| state.check_can_decide(by, hash, hour(at));
    assert_eq!(decide("fred", "hash", 10), Ok(()));
    assert_eq!(decide("sue", "hash", 1), Err(CaseRefusal::OwnProposal));
    assert_eq!(decide("fred", "another", 1), Err(CaseRefusal::OtherCommand));
    assert_eq!(decide("fred", "hash", 11), Err(CaseRefusal::Expired));
    assert!(!state.is_expired(hour(10)) && state.is_expired(hour(11)));
    assert_eq!(state.check_can_withdraw("sue"), Ok(()));
    assert_eq!(state.check_can_withdraw("fred"), Err(CaseRefusal::NotOwnProposal));
    let (over, _) = four_eyes(&[(Some("fred"), 1, CaseEvent::Declined(decision()))]);
    let status = CaseStatus::Declined;
    assert_eq!(
        over.check_can_decide("fay", "hash", hour(2)),
        Err(CaseRefusal::NotOpen { status })
    );
    assert_eq!(over.check_can_withdraw("sue"), Err(CaseRefusal::NotOpen { status }));
    assert_eq!(
        CaseState::default().check_can_withdraw("sue"),
        Err(CaseRefusal::Unknown)
    );
}

#[test]
fn case_events_round_trip() {
    for event in [
        proposal(Authority::FourEyes),
        CaseEvent::Approved(decision()),
        CaseEvent::Lapsed(ending()),
        issued(),
        refused(),
    ] {
        assert_eq!(CaseEvent::parse(event.type_name(), Some(&event.data())), Ok(event));
    }
}
