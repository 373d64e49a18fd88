//! Verdicts that differ: what a server that disagrees loses, and what a healthy one must not lose by it.

use crate::common::bench::Bench;
use crate::common::{P, S, V, config, life, ms};
use zerogap_proto::{Epoch, Refusal, ServiceOrder};
use zerogap_switch::Selection;

fn diverged() -> Bench {
    let mut b = Bench::pair();
    b.request();
    b.answer(P, 0);
    assert_eq!(b.answer_wrongly(S, 0), ["S disagrees at #0", "S is quarantined"]);
    b
}

#[test]
fn a_standby_that_disagrees_is_quarantined_and_never_snapshotted() {
    let mut b = diverged();
    assert_eq!((b.serving().as_str(), b.service.status().epoch), ("P [S]", Epoch(0)));
    assert_eq!(b.begin(S), Err(Refusal::WrongServer));
    assert!(b.begin(P).is_ok(), "the primary may be");
}

#[test]
fn which_of_the_two_answers_comes_first_makes_no_difference() {
    let mut b = Bench::pair();
    b.request();
    assert_eq!(b.answer_wrongly(S, 0), [""; 0], "nothing is released that it could be held against");
    let told = b.answer(P, 0);
    assert_eq!(told, ["q0 of P to the client at p1", "S disagrees at #0", "S is quarantined"]);
}

#[test]
fn a_late_primary_is_better_than_a_standby_that_is_not_believed() {
    let mut b = diverged();
    b.request();
    b.answer_wrongly(S, 1);
    b.wait(ms(3));
    assert_eq!(b.service.held(), 1, "its answer would be wrong");
    assert_eq!(b.answer(P, 1), ["q1 of P to the client at p1"]);
    assert_eq!(b.serving(), "P [S]");
}

#[test]
fn a_quarantined_standby_is_promoted_only_when_nobody_else_is_left() {
    let mut b = diverged();
    for n in 1..3 {
        b.request();
        b.answer_wrongly(S, n);
        b.wait(ms(3));
        assert_eq!(b.serving(), "P [S]");
    }
    b.request();
    b.answer_wrongly(S, 3);
    let told = b.wait(ms(3));
    assert!(told.contains(&"S promoted instead of P, e1".into()), "{told:?}");
    assert_eq!(b.service.held(), 0, "then its answers are better than none");
}

#[test]
fn a_last_resort_gives_way_as_soon_as_somebody_healthy_is_back() {
    let mut b = diverged();
    for n in 1..4 {
        b.request();
        b.answer_wrongly(S, n);
        b.wait(ms(3));
    }
    assert_eq!(b.serving(), "[S] (P)");
    assert_eq!(b.answer_all(&[P]), [""; 0], "what the last resort told the client proves nothing against P");
    b.request();
    b.answer_all(&[P]);
    b.wait(ms(3));
    assert_eq!((b.serving().as_str(), b.service.status().epoch), ("P [S]", Epoch(2)));
}

#[test]
fn a_primary_that_disagrees_with_what_the_client_was_told_is_no_longer_first() {
    let mut b = Bench::pair();
    b.request();
    b.answer(S, 0);
    b.wait(ms(3));
    let told = b.answer_wrongly(P, 0);
    assert_eq!(told, ["P disagrees at #0", "P is quarantined", "S promoted instead of P, e1"]);
    assert_eq!(b.serving(), "S [P]", "or answers of two histories would go out in turns");
}

#[test]
fn who_failed_its_own_scrub_is_not_believed_even_if_it_is_the_primary() {
    let mut b = Bench::pair();
    b.round(&[P, S]);
    let order = ServiceOrder::Quarantine { server: P, incarnation: life(P) };
    assert_eq!(
        b.order(order.clone()),
        Ok(vec!["P is quarantined".into(), "S promoted instead of P, e1".into()])
    );
    assert_eq!(b.order(order), Ok(vec![]), "once is enough");
    assert_eq!(b.serving(), "S [P]");
    b.request();
    assert_eq!(b.answer_wrongly(P, 1), [""; 0]);
    assert_eq!(b.answer(S, 1), ["q1 of S to the client at p1"]);
}

#[test]
fn an_order_about_an_earlier_life_touches_nobody() {
    let mut b = Bench::pair();
    for order in [
        ServiceOrder::Quarantine { server: P, incarnation: life(S) },
        ServiceOrder::Remove { server: P, incarnation: life(S) },
    ] {
        assert_eq!(b.order(order), Ok(vec![]));
    }
    assert_eq!(b.serving(), "P S");
}

#[test]
fn among_three_the_outvoted_primary_gives_way() {
    let mut b = Bench::new(config(&[P, S, V], Selection::Vote));
    b.request();
    b.answer_wrongly(P, 0);
    b.answer(S, 0);
    let told = b.answer(V, 0);
    assert!(told.contains(&"q0 of S to the client at p1".into()), "{told:?}");
    assert_eq!(b.serving(), "S [P] V");
}
