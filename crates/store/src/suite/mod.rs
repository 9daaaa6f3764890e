//! The suite of tests that every implementation of [`Store`](crate::Store) passes.
//!
//! An implementation calls [`store_suite!`](crate::store_suite) once, in a file of its `tests` folder, with an
//! expression that opens a fresh, empty store. Each test is a function of this module that knows the store by
//! its trait only, and says in its first line which rule it is about. `model.rs` is the short definition of the
//! rules of claims, and `histories.rs` compares the store with it over random histories.
//!
//! The tests look at what callers can see, and never at how a database keeps it. After every step
//! [`violations`](crate::Inspection::violations) has to be empty.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod buckets;
pub mod change_log;
pub mod children;
pub mod claims;
pub mod deletion;
pub mod eager_deletion;
pub mod events;
mod graph;
pub mod histories;
mod history;
pub mod incremental;
pub mod inspection;
pub mod locations;
mod model;
mod model_views;
pub mod mutations;
pub mod orphans;
pub mod outcomes;
pub mod published_keys;
pub mod queue;
pub mod refreshing;
pub mod refusals;
mod scene;
pub mod stages;
mod steps;
pub mod stitch_marks;
pub mod stitching;
pub mod tasks;
pub mod transfer;

use std::future::Future;

/// Runs one test to its end.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test);
}

/// Expands to the whole suite, one `#[test]` each. Takes an asynchronous expression that gives a fresh, empty
/// store: `store_suite!(MyStore::in_memory().await.unwrap());`
#[macro_export]
macro_rules! store_suite {
    ($open:expr) => {
        $crate::store_suite! { @tests $open;
            claims: [
                a_new_entity_has_the_key_of_its_claim
                without_keys_the_latest_document_wins
                a_key_beats_none
                none_loses_against_a_key
                with_one_key_the_latest_document_wins
                another_key_loses_and_takes_over_later
                the_oldest_key_takes_over
                a_claim_with_a_new_key_is_a_new_claim
                a_key_stays_while_any_claim_has_it
                a_losing_claim_that_changes_still_loses
                a_claim_that_comes_again_is_not_the_latest
                another_claim_with_the_same_document_makes_nothing_due
            ]
            mutations: [
                a_full_mutation_replaces_the_bucket
                a_delta_changes_what_it_names
                a_delta_passes_over_what_others_claim
                buckets_are_apart
                what_is_unchanged_costs_nothing
                what_changed_is_due_at_once
                another_key_makes_another_entity
                another_key_makes_another_tree
                another_key_keeps_an_entity_that_others_claim
                of_duplicates_the_last_counts
                duplicates_with_other_keys_are_conflicts
                providers_are_those_with_claims
                names_of_providers_are_exact
                a_large_mutation_is_one_mutation
            ]
            eager_deletion: [
                whole_trees_go
                what_others_lead_to_stays
                cycles_go
                cycles_that_others_lead_to_stay
                a_full_mutation_deletes_what_it_leaves_out
                orphans_keep_nothing_alive
                a_tree_that_is_released_with_its_losing_claims_goes
                relations_of_the_deleted_go
                all_that_is_released_goes_at_once
            ]
            deletion: [
                an_unknown_uid_deletes_nothing
                deleting_takes_every_claim_on_it
                parents_emit_it_again
                children_become_orphans
                a_deleted_root_comes_back_when_mentioned
                what_was_deleted_leaves_nothing_behind
                losing_claims_of_the_deleted_go
            ]
            orphans: [
                what_nobody_claims_is_an_orphan
                what_is_claimed_again_is_no_orphan
                an_orphan_takes_any_key
                an_orphan_takes_a_changed_document
                an_orphan_is_processed_as_before
                sweeping_cascades
                sweeping_spares_what_others_claim
                sweeping_nothing_changes_nothing
            ]
            queue: [
                an_empty_queue_has_nothing
                a_due_entity_comes_with_all_it_needs
                urgent_ones_come_by_time
                urgent_ones_come_before_routine
                a_share_is_kept_for_routine
                a_share_that_nobody_needs_is_used
                settled_refreshes_are_only_counted
                what_is_not_quite_settled_is_processed
                what_is_taken_is_leased
                what_a_mutation_takes_up_is_leased
                each_comes_up_at_its_own_time
                an_unchanged_outcome_leaves_the_schedule
                an_unchanged_outcome_ends_urgency
                leases_are_reclaimed_after_a_crash
                what_changes_during_its_run_is_due_again
                what_is_asked_for_during_its_run_is_due_again
                a_run_of_an_old_document_does_not_end_a_newer_run
                a_run_of_an_old_document_that_ends_last_leaves_it_due
            ]
            outcomes: [
                a_good_run_replaces_its_output
                a_failure_keeps_the_output
                a_failure_before_any_output_is_kept
                an_unchanged_outcome_writes_nothing
                the_outcome_of_a_deleted_entity_is_dropped
                the_outcome_of_a_replaced_entity_is_dropped
                the_outcome_of_an_old_document_leaves_it_due
                caches_are_kept_replaced_and_cleared
                a_batch_is_committed_as_one
            ]
            children: [
                children_are_new_entities
                only_what_differs_is_due
                of_children_with_one_ref_the_last_counts
                a_child_that_is_left_out_is_an_orphan
                children_of_rivals_conflict
                a_losing_child_takes_over_from_its_rival
                a_child_with_another_key_stays_the_same_entity
                a_provider_and_a_parent_may_claim_together
                parents_are_those_whose_claims_win
            ]
            refreshing: [
                an_entity_that_is_asked_for_is_due
                several_entities_are_due_at_once
                locations_above_are_due_too
                circles_above_end
                nobody_is_due_for_an_unknown_ref
                keys_find_their_entities
                keys_follow_the_latest_run
                keys_go_with_their_entity
            ]
            stitch_marks: [
                what_was_never_seen_is_due_at_once
                what_was_seen_waits_a_little
                marks_coalesce
                a_mark_in_flight_survives
                a_result_after_its_lease_is_not_the_last
                a_result_after_a_reclaimed_lease_is_not_the_last
                a_result_after_a_later_one_is_dropped
                what_is_taken_is_leased
                what_was_never_seen_comes_first
                limits_are_kept
                errors_mark_and_unmark
                relations_mark_their_sources
            ]
            stitching: [
                the_input_has_all_of_an_entity
                relations_are_distinct_and_in_byte_order
                relations_of_others_are_shown
                what_has_no_output_is_not_seen
                an_unchanged_result_writes_nothing
                a_changed_result_replaces_the_last
                a_failed_result_is_kept_apart
                the_result_for_a_deleted_entity_is_dropped
                the_result_for_a_replaced_entity_is_dropped
            ]
            change_log: [
                an_empty_log_begins_at_its_head
                each_entity_is_logged_once
                a_removal_is_logged
                what_comes_back_is_no_removal
                what_was_never_seen_is_not_logged
                the_log_is_read_in_pages
                final_entities_are_read_in_pages
                following_the_log_gives_the_final_entities
                reports_know_the_head
                a_place_is_that_of_an_entry
            ]
            locations: [
                a_location_comes_with_its_entity
                the_same_location_is_taken
                locations_are_told_apart_exactly
                a_location_changes_with_its_entity
                a_change_to_a_taken_target_is_refused
                a_location_goes_with_its_tree
                what_others_lead_to_stays_when_a_location_goes
                unknown_locations_change_nothing
                claims_are_put_right_by_the_locations_of_now
            ]
            tasks: [
                a_new_task_is_due_at_its_first_run
                a_task_that_comes_again_is_never_due_later
                one_run_goes_on_at_a_time
                only_the_ticket_ends_a_run
                what_is_triggered_is_due_now
                what_expires_is_due_again
            ]
            published_keys: [
                keys_of_all_nodes_are_published
                keys_expire
                a_key_is_never_replaced
            ]
            refusals: [
                a_share_counts_claims_of_one_bucket
                refusals_are_listed
                a_confirmed_refusal_lets_one_change_pass
            ]
            buckets: [
                a_bucket_lists_the_claims_of_one_provider
                a_key_is_a_rivals_while_another_source_claims_with_it
                progress_is_of_what_waits_or_failed
            ]
            events: [
                each_subscriber_gets_each_event_once
                events_that_come_again_count_once
                events_are_taken_by_one
                events_do_not_stay
            ]
            incremental: [
                one_pass_is_open_at_a_time
                of_two_changes_at_once_one_counts
                a_page_comes_with_its_mark
                what_a_pass_has_not_seen_is_swept
                a_sweep_goes_through_the_bucket_once
                a_sweep_heeds_what_happens_meanwhile
                what_comes_between_pages_counts_as_seen
                passes_are_forgotten
            ]
            inspection: [
                an_empty_store_is_in_order
                a_trial_of_writing_leaves_nothing_behind
                a_state_shows_how_far_an_entity_is
                what_was_never_stitched_is_listed
                depths_count_what_waits
                nothing_is_mended_that_is_in_order
                final_documents_are_what_was_stitched
                what_is_renewed_is_made_anew
            ]
            transfer: [
                what_was_exported_is_taken_over_once
                what_was_cut_off_is_repeated
                the_key_that_an_entity_has_is_kept
                orphans_are_taken_over
                a_bucket_belongs_to_its_provider_again
                what_is_there_is_left_alone
                an_export_has_the_locations
            ]
        }

        #[test]
        fn histories() {
            $crate::suite::histories::agree_with_the_model(async || $open);
        }
    };
    (@tests $open:expr; $($module:ident: [$($name:ident)*])*) => {
        $(
            mod $module {
                use super::*;

                $(
                    #[test]
                    fn $name() {
                        $crate::suite::run(async {
                            let store = $open;
                            $crate::suite::$module::$name(&store).await;
                        });
                    }
                )*
            }
        )*
    };
}
