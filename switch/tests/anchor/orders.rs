//! Orders: stale ones are refused, repeated ones change nothing, so controllers may ask again whenever in doubt.

use crate::common::bench::{Bench, begin};
use crate::common::{P, S, SERVICE, T, U, command, life, ms};
use zerogap_proto::{
    AbortReason, Epoch, MigrationId, Offset, Phase, Refusal, ReviewRule, ServiceCommand, ServiceId,
    ServiceOrder,
};

const RULE: ReviewRule = ReviewRule { agreements: 3, absences_max: 2, deadline: ms(1_000) };

/// Every order about this migration, as a controller would give them.
fn about(migration: MigrationId) -> [ServiceOrder; 4] {
    [
        ServiceOrder::Mark { migration, mark: Offset(0) },
        ServiceOrder::Reached { migration, phase: Phase::Restore },
        ServiceOrder::Read { migration, targets: vec![(T, life(T)), (U, life(U))], review: RULE },
        ServiceOrder::Cancel { migration, reason: AbortReason::Requested },
    ]
}

#[test]
fn an_order_for_an_older_epoch_is_refused_whatever_it_is() {
    let mut b = Bench::pair();
    b.remove(P);
    b.begin(S).expect("begun in epoch 1");
    let before = b.service.status();
    let others = [
        begin(2, S, &[T, U]),
        ServiceOrder::Remove { server: S, incarnation: life(S) },
        ServiceOrder::Quarantine { server: S, incarnation: life(S) },
    ];
    for order in about(MigrationId(1)).into_iter().chain(others) {
        let stale = command(Epoch(0), order.clone());
        assert_eq!(b.service.order(b.now, stale), Err(Refusal::StaleEpoch), "{order:?}");
        assert_eq!(b.service.status(), before);
    }
}

#[test]
fn an_order_about_another_migration_is_refused_before_during_and_after_one() {
    let mut b = Bench::pair();
    let refused = |b: &mut Bench, migration| {
        let before = b.service.status();
        for order in about(MigrationId(migration)) {
            assert_eq!(b.order(order.clone()), Err(Refusal::StaleMigration), "{order:?}");
            assert_eq!(b.service.status(), before);
        }
    };
    refused(&mut b, 1);
    b.begin(S).expect("begun");
    refused(&mut b, 2);
    b.cancel().expect("aborted");
    refused(&mut b, 1);
    b.begin(S).expect("begun");
    refused(&mut b, 1);
}

#[test]
fn an_id_is_never_used_twice_and_one_migration_runs_at_a_time() {
    let mut b = Bench::pair();
    assert_eq!(b.order(begin(2, S, &[T, U])), Err(Refusal::StaleMigration), "none is left out");
    b.order(begin(1, S, &[T, U])).expect("begun");
    assert_eq!(b.order(begin(2, S, &[T, U])), Err(Refusal::Busy));
    b.cancel().expect("aborted");
    assert_eq!(b.order(begin(1, S, &[T, U])), Err(Refusal::StaleMigration));
    assert!(b.order(begin(2, S, &[T, U])).is_ok());
}

#[test]
fn an_order_for_another_service_is_refused() {
    let mut b = Bench::pair();
    let order =
        ServiceCommand { service: ServiceId(SERVICE.0 + 1), ..command(Epoch(0), begin(1, S, &[T, U])) };
    assert_eq!(b.service.order(b.now, order), Err(Refusal::UnknownService));
}

#[test]
fn every_order_carried_out_twice_is_the_same_as_once() {
    let mut b = Bench::pair();
    b.round(&[P, S]);
    let migration = MigrationId(1);
    let orders = [
        begin(1, S, &[T, U]),
        ServiceOrder::Mark { migration, mark: Offset(1) },
        ServiceOrder::Reached { migration, phase: Phase::Restore },
        ServiceOrder::Read { migration, targets: vec![(T, life(T)), (U, life(U))], review: RULE },
        ServiceOrder::Quarantine { server: S, incarnation: life(S) },
        ServiceOrder::Remove { server: S, incarnation: life(S) },
    ];
    for order in orders {
        assert!(!b.order(order.clone()).expect("carried out").is_empty(), "{order:?} does something");
        let once = b.service.status();
        assert_eq!(b.order(order.clone()), Ok(vec![]), "{order:?} again");
        assert_eq!(b.service.status(), once);
    }
    b.cancel().expect("aborted");
    let once = b.service.status();
    let again = ServiceOrder::Cancel { migration, reason: AbortReason::Deadline };
    assert_eq!(b.order(again), Err(Refusal::StaleMigration), "there is nothing left to cancel");
    assert_eq!(b.service.status(), once);
}

#[test]
fn earlier_orders_that_come_again_late_do_not_lead_back() {
    let mut b = Bench::pair();
    b.bring_to(Phase::Review);
    let (migration, mark) =
        (b.migration(), b.service.status().plan.and_then(|plan| plan.mark).expect("marked"));
    for order in [
        begin(1, S, &[T, U]),
        ServiceOrder::Mark { migration, mark },
        ServiceOrder::Reached { migration, phase: Phase::Restore },
        ServiceOrder::Read { migration, targets: vec![(T, life(T)), (U, life(U))], review: RULE },
    ] {
        assert_eq!(b.order(order.clone()), Ok(vec![]), "{order:?}");
        assert_eq!(b.phase(), Some(Phase::Review));
    }
}
