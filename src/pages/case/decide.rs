//! The forms that decide on a case: approve or decline a proposal of another operator, or withdraw one's own. An operator
//! who can't decide sees the reason.

use leptos::{prelude::*, server_fn::ServerFn as _};

use super::Failures;
use crate::{
    api::{ApiError, ApproveCompensation, DeclineCompensation, WithdrawCompensation},
    components::{
        input::{Control, Hidden, Input},
        words::sentence,
    },
    domain::{compensation::command::NOTE_MAX, form::Field},
    pages::{
        proof::{Proof, proof},
        sent::mistake,
    },
    views::{compensations::CaseView, operators::Me},
};

pub(super) fn decisions(me: Option<Me>, case: &CaseView, failures: &Failures) -> AnyView {
    if !case.state.awaits_approval() {
        return ().into_any();
    }
    let Some(me) = me else {
        return ().into_any();
    };
    let content = if case.can_decide {
        decide(&me, case, failures.approve.as_ref(), failures.decline.as_ref())
    } else {
        let why = case.why_not.clone().unwrap_or_else(|| {
            "an operator of finance who did not propose the case can approve or decline it".to_owned()
        });
        view! { <p>{sentence(&why)} "."</p> }.into_any()
    };
    let back = case
        .can_withdraw
        .then(|| withdraw(&me, case, failures.withdraw.as_ref()));
    view! {
        <section class="panel decide" aria-labelledby="decide">
            <div class="panel-head">
                <h2 id="decide">"The case waits for an approval"</h2>
            </div>
            <div class="panel-body">
                {content}
                {back}
            </div>
        </section>
    }
    .into_any()
}

/// The forms to approve and to decline. The second one is collapsed, so that the buttons are not mixed up.
fn decide(me: &Me, case: &CaseView, approve_failure: Option<&ApiError>, decline_failure: Option<&ApiError>) -> AnyView {
    let approve = Way {
        prefix: "approve-",
        word: "Approve and issue",
        pending_word: "Approving …",
        main: true,
        note: "Note (optional)",
        proof: true,
    };
    let approve = fields(approve, me, case, approve_failure);
    let decline = Way {
        prefix: "decline-",
        word: "Decline",
        pending_word: "Declining …",
        main: false,
        note: "Reason for declining",
        proof: true,
    };
    let decline = fields(decline, me, case, decline_failure);
    view! {
        <p>"An approval appends exactly the events that are shown here. If a stream has changed since the proposal, it \
            appends nothing."</p>
        <form method="post" action=ApproveCompensation::url() class="form">{approve}</form>
        <details class="alternative">
            <summary>"Decline the case instead"</summary>
            <form method="post" action=DeclineCompensation::url() class="form">{decline}</form>
        </details>
    }
    .into_any()
}

fn withdraw(me: &Me, case: &CaseView, failure: Option<&ApiError>) -> AnyView {
    let way = Way {
        prefix: "withdraw-",
        word: "Withdraw",
        pending_word: "Withdrawing …",
        main: false,
        note: "Reason (optional)",
        proof: false,
    };
    let fields = fields(way, me, case, failure);
    view! {
        <details class="alternative">
            <summary>"Withdraw the proposal"</summary>
            <form method="post" action=WithdrawCompensation::url() class="form">{fields}</form>
        </details>
    }
    .into_any()
}

/// What differs between the three forms.
#[derive(Clone, Copy)]
struct Way {
    /// The prefix of the ids of the fields.
    prefix: &'static str,
    word: &'static str,
    pending_word: &'static str,
    main: bool,
    note: &'static str,
    /// The form can ask for the password and a code.
    proof: bool,
}

/// The fields and the button of one form.
fn fields(way: Way, me: &Me, case: &CaseView, failure: Option<&ApiError>) -> AnyView {
    let hash = case
        .state
        .proposal
        .as_ref()
        .map(|proposal| proposal.command_hash.clone())
        .unwrap_or_default();
    let note_mistake = mistake(failure, Field::Note);
    let proof = way.proof.then(|| {
        let asked = Proof {
            password: case.password_needed,
            code: case.code_needed,
            prefix: way.prefix,
            ..Proof::default()
        };
        proof(asked, failure)
    });
    view! {
        <Hidden name="form[case]" value=case.row.id.to_string() />
        <Hidden name="form[command_hash]" value=hash />
        <Hidden name="form[form_token]" value=me.form_token.clone() />
        <Input
            id=format!("{}note", way.prefix)
            name="form[note]"
            label=way.note
            control=Control::Lines { rows: 2 }
            mistake=note_mistake
            max_length=Some(NOTE_MAX)
        />
        {proof}
        <button class=if way.main { "button is-main" } else { "button" } type="submit" data-pending=way.pending_word>
            {way.word}
        </button>
    }
    .into_any()
}
