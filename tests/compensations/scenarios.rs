//! The scenarios of compensations for any store. Each is a function of a `TestApp`; the macro makes a test of each.

pub mod approvals;
pub mod crashes;
pub mod long;
pub mod meanwhile;
pub mod races;
pub mod reservations;
pub mod spoiled;
pub mod test_app;

/// Makes a test of every scenario, on the stores that `$app` makes.
#[macro_export]
macro_rules! scenarios {
    ($app:expr) => {
        $crate::scenarios!($app, races:
            one_form_sent_many_times_settles_once
            many_cases_settle_one_refund_once
            many_previews_and_settlements_settle_once
            many_cases_reverse_one_entry_once
            a_days_limit_holds_over_two_processes
        );
        $crate::scenarios!($app, crashes:
            a_case_on_two_streams_survives_a_death_at_any_append
            a_case_that_is_undone_survives_a_death_at_any_append
            a_case_on_one_stream_survives_a_death_at_any_append
            a_lost_answer_is_resolved
            a_store_that_goes_silent_leaves_an_unknown_case_that_ends
            a_store_that_is_away_refuses_the_case
            run_finishes_what_a_store_interrupted
        );
        $crate::scenarios!($app, meanwhile:
            a_refund_is_settled_although_its_order_has_new_events
            a_refund_that_is_canceled_meanwhile_is_undone
            a_refund_that_others_report_as_succeeded_keeps_the_only_credit
            a_refund_that_others_settled_meanwhile_is_not_credited_twice
            a_stream_that_moved_since_the_preview_refuses_and_shows_what_is_new
            a_stream_that_moves_between_the_case_and_its_first_step_refuses_it
            a_form_must_equal_its_preview
            nothing_is_issued_without_an_audit_entry
        );
        $crate::scenarios!($app, approvals:
            a_proposal_waits_and_an_approval_issues_it
            proposers_cannot_approve_their_own_cases
            approvals_raced_by_withdrawal_and_decline
            two_approvers_at_once_issue_once
            an_approval_lapses_if_the_streams_moved
            a_proposal_lapses_when_its_time_runs_out
            amounts_above_the_limits_need_a_second_person
        );
        $crate::scenarios!($app, reservations:
            a_settled_refund_was_reserved_and_released
            a_crashed_case_is_finished_by_the_next_one
            the_reservation_of_an_ended_case_blocks_nobody
            uncertain_credits_need_a_second_person
            credits_that_become_uncertain_stop_an_issue
            a_credit_elsewhere_is_seen_after_the_reservation
            processes_that_disagree_do_the_same
        );
        $crate::scenarios!($app, long:
            decisions_on_a_part_equal_those_on_the_whole_stream
            news_from_any_position_equal_those_of_the_whole_stream
            a_reversal_in_a_long_wallet_is_found_again
            snapshots_of_another_log_are_not_trusted
            an_entry_out_of_order_is_treated_as_on_the_whole_stream
            damaged_snapshots_lead_to_a_read_of_the_whole_stream
        );
    };
    ($app:expr, $topic:ident: $($name:ident)+) => {
        mod $topic {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $name() {
                    $crate::scenarios::$topic::$name($app).await;
                }
            )+
        }
    };
}
