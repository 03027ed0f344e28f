//! What the write side owes on any store: each scenario is a function of a `TestApp`, and the macro makes a test of each.

pub mod approvals;
pub mod crashes;
pub mod long;
pub mod meanwhile;
pub mod races;
pub mod spoiled;
pub mod test_app;

/// Every scenario as a test of its own, on the stores that `$app` makes.
#[macro_export]
macro_rules! scenarios {
    ($app:expr) => {
        $crate::scenarios!($app, races:
            one_form_sent_many_times_settles_once
            many_cases_settle_one_refund_once
            many_who_look_and_settle_settle_once
            many_cases_reverse_one_entry_once
            a_days_limit_holds_over_two_processes
        );
        $crate::scenarios!($app, crashes:
            a_case_on_two_streams_survives_a_death_at_any_append
            a_case_that_is_undone_survives_a_death_at_any_append
            a_case_on_one_stream_survives_a_death_at_any_append
            a_lost_answer_is_found_out
            a_store_that_goes_silent_leaves_an_unknown_case_that_ends
            a_store_that_is_away_refuses_the_case
            run_finishes_what_a_store_interrupted
        );
        $crate::scenarios!($app, meanwhile:
            an_order_that_only_moves_is_told_all_the_same
            a_refund_that_is_canceled_meanwhile_is_undone
            a_refund_that_others_tell_meanwhile_keeps_the_only_credit
            a_refund_that_others_settled_meanwhile_is_not_credited_twice
            a_stream_that_moved_since_the_preview_refuses_and_shows_what_is_new
            a_stream_that_moves_between_the_case_and_its_first_step_refuses_it
            a_form_is_held_to_what_was_previewed
            what_cant_be_recorded_does_not_happen
        );
        $crate::scenarios!($app, approvals:
            a_proposal_waits_and_an_approval_issues_it
            nobody_approves_their_own
            approvals_raced_by_withdrawal_and_decline
            two_approvers_at_once_issue_once
            an_approval_lapses_where_the_position_moved
            a_proposal_lapses_when_its_time_runs_out
            limits_send_it_to_a_second_person
        );
        $crate::scenarios!($app, long:
            decisions_are_those_of_the_whole_stream_on_a_part_of_it
            news_are_those_of_the_whole_stream_from_any_place
            a_credit_to_a_long_wallet_is_undone_and_the_undoing_is_found_again
            snapshots_of_another_log_are_not_trusted
            an_entry_that_belongs_before_others_is_seen_where_it_belongs
            damaged_snapshots_cost_a_whole_read_and_no_answer
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
