//! The write side on embedded stores: races, approvals, crashes between any two steps, and what others append meanwhile.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect by panicking"
)]

#[path = "desk/bench.rs"]
mod bench;
#[path = "desk/races.rs"]
mod races;

use bench::Bench;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_form_sent_many_times_settles_once() {
    races::one_form_sent_many_times_settles_once(Bench::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_cases_settle_one_refund_once() {
    races::many_cases_settle_one_refund_once(Bench::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_look_and_settle_settle_once() {
    races::many_who_look_and_settle_settle_once(Bench::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_cases_reverse_one_entry_once() {
    races::many_cases_reverse_one_entry_once(Bench::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_days_limit_holds_over_two_desks() {
    races::a_days_limit_holds_over_two_desks(Bench::embedded()).await;
}
