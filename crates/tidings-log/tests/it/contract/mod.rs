//! The contract of a log. Each function takes the means to open an empty one.

mod forgetting;
mod loss;
mod order;
mod paging;
mod retention;
mod rules;

pub(crate) use forgetting::*;
pub(crate) use loss::*;
pub(crate) use order::*;
pub(crate) use paging::*;
pub(crate) use retention::*;
pub(crate) use rules::*;

use std::{sync::Arc, time::Duration};

use tidings_log::{
    Capacity, Entry, Epoch, LogOptions, Record, Retention, Scope, Timestamp, Topic, TopicRules,
    Window,
};

use crate::simple::{Refused, SimpleLog};

/// Opens an empty log.
pub(crate) type Open = fn(LogOptions) -> SimpleLog;

/// Makes a test of each part of the contract, in a module of this name.
macro_rules! run_against {
    ($name:ident, $open:expr) => {
        $crate::contract::run_against!(@ $name, $open,
            sequences_rise_by_one_from_one,
            a_record_holds_what_was_appended,
            a_refused_event_takes_no_sequence,
            positions_are_of_the_logs_epoch,
            literal_topics_are_merged_in_order,
            a_predicate_selects_in_order,
            windows_are_open_below_and_closed_above,
            pages_follow_each_other_without_a_seam,
            a_page_ends_at_its_limits,
            a_page_over_many_other_topics_goes_on_where_it_stopped,
            nothing_matching_reaches_the_end_of_the_window,
            the_newest_are_counted_over_all_topics,
            the_newest_are_counted_of_what_is_wanted,
            the_oldest_is_the_first_retained_of_the_scope,
            a_topic_keeps_so_many_events,
            a_topic_keeps_so_many_bytes,
            the_newest_event_stays_whatever_its_size,
            an_event_goes_when_it_is_as_old_as_allowed,
            expiry_passes_over_what_is_younger,
            an_age_without_end_never_expires,
            rules_differ_by_topic,
            the_capacity_evicts_the_oldest_of_all_topics,
            the_capacity_evicts_others_in_place_of_what_is_spared,
            the_newest_event_stays_although_all_room_is_spared,
            the_final_event_goes_last,
            a_final_event_ends_its_topic,
            a_forgotten_topic_opens_again,
            an_ended_topic_opens_again_when_its_last_event_expires,
            an_open_topic_outlives_its_events,
            forgetting_an_unknown_topic_does_nothing,
            the_least_recently_published_topic_makes_room,
            a_topic_in_use_is_not_forgotten,
            ended_topics_make_room_last,
            with_every_topic_in_use_there_is_no_room,
            room_is_what_is_free_and_what_can_be_forgotten,
            changes_of_topics_are_counted,
            nothing_is_missed_before_anything_goes,
            eviction_is_missed_by_those_before_it,
            an_unknown_topic_may_have_been_any_forgotten_one,
            a_topic_that_comes_back_is_judged_as_the_one_before,
            a_known_topic_does_not_miss_what_another_lost,
            holes_are_counted_from_a_point_in_time,
            holes_tell_superseded_events_from_others,
            what_was_lost_before_does_not_count_again,
            a_deleted_topic_leaves_a_hole,
            an_older_event_of_a_key_is_superseded,
            only_keyed_topics_know_what_is_superseded,
            a_final_event_is_never_superseded,
        );
    };
    (@ $name:ident, $open:expr, $($test:ident),* $(,)?) => {
        mod $name {
            use crate::contract;

            $(
                #[test]
                fn $test() {
                    contract::$test($open);
                }
            )*
        }
    };
}
pub(crate) use run_against;

pub(crate) fn epoch() -> Epoch {
    Epoch::new("e1").unwrap()
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// What one event without key and type counts, beside its payload.
fn overhead(open: Open) -> u64 {
    append(&mut open(LogOptions::default()), "a", "").size()
}

fn append(log: &mut SimpleLog, name: &str, data: &str) -> Arc<Record> {
    append_at(log, name, data, at(0))
}

fn append_at(log: &mut SimpleLog, name: &str, data: &str, now: Timestamp) -> Arc<Record> {
    log.append(Entry::new(topic(name), data), now, |_| false)
        .unwrap()
}

fn append_key(log: &mut SimpleLog, name: &str, key: &str) -> Arc<Record> {
    let entry = Entry {
        key: Some(key.into()),
        ..Entry::new(topic(name), "")
    };
    log.append(entry, at(0), |_| false).unwrap()
}

fn append_final(log: &mut SimpleLog, name: &str) -> Arc<Record> {
    let entry = Entry {
        ends_topic: true,
        ..Entry::new(topic(name), "")
    };
    log.append(entry, at(0), |_| false).unwrap()
}

fn try_append(log: &mut SimpleLog, name: &str, in_use: &[&str]) -> Result<Arc<Record>, Refused> {
    log.append(Entry::new(topic(name), ""), at(0), |topic| {
        in_use.contains(&topic.as_str())
    })
}

/// Asks about these topics by name and by predicate, which must agree.
fn both<T: PartialEq + std::fmt::Debug>(names: &[&str], ask: impl Fn(&Scope<'_>) -> T) -> T {
    let topics: Vec<Topic> = names.iter().map(|name| topic(name)).collect();
    let by_name = ask(&Scope::Topics(&topics));
    let by_predicate = ask(&Scope::Matching(&|topic| topics.contains(topic)));
    assert_eq!(by_name, by_predicate);
    by_name
}

/// The retained sequences of these topics.
fn retained(log: &SimpleLog, names: &[&str]) -> Vec<u64> {
    both(names, |scope| read(log, scope, Window::new(0, log.head())))
}

/// All sequences in the window, read page by page.
fn read(log: &SimpleLog, scope: &Scope<'_>, mut window: Window) -> Vec<u64> {
    let mut found = Vec::new();
    while window.after < window.until {
        let page = log.page(scope, window);
        assert!(page.reached > window.after, "a page that does not get on");
        found.extend(page.records.iter().map(|record| record.sequence));
        window.after = page.reached;
    }
    found
}

fn with_retention(retention: Retention) -> LogOptions {
    with_rules(TopicRules {
        retention,
        ..TopicRules::default()
    })
}

fn with_rules(rules: TopicRules) -> LogOptions {
    LogOptions {
        rules: Some(Arc::new(move |_: &Topic| rules)),
        ..LogOptions::default()
    }
}

fn keeping(events: u64) -> LogOptions {
    with_retention(Retention {
        events,
        ..Retention::default()
    })
}

fn living(millis: u64) -> LogOptions {
    with_retention(Retention {
        age: Duration::from_millis(millis),
        ..Retention::default()
    })
}

fn topics(topics: usize) -> LogOptions {
    LogOptions {
        capacity: Capacity {
            topics,
            ..Capacity::default()
        },
        ..LogOptions::default()
    }
}
