//! Selection in the service: `first` and `vote` release one answer each, and never one that is not believed.

use crate::common::bench::{Bench, without};
use crate::common::{P, S, V, config, ms};
use zerogap_switch::Selection;

#[test]
fn first_releases_what_comes_first_and_only_that() {
    let mut b = Bench::new(config(&[P, S], Selection::First));
    b.request();
    assert_eq!(b.answer(S, 0), ["q0 of S to the client at p1"]);
    assert_eq!(b.answer(P, 0), [""; 0]);
}

#[test]
fn first_does_not_release_the_answer_of_a_quarantined_server() {
    let mut b = Bench::new(config(&[P, S], Selection::First));
    b.request();
    b.answer(P, 0);
    b.answer_wrongly(S, 0);
    b.request();
    assert_eq!(b.answer_wrongly(S, 1), [""; 0]);
    assert_eq!(b.answer(P, 1), ["q1 of P to the client at p1"]);
}

#[test]
fn vote_releases_when_a_strict_majority_agrees_and_not_before() {
    let mut b = Bench::new(config(&[P, S, V], Selection::Vote));
    b.request();
    assert_eq!(b.answer(P, 0), [""; 0]);
    assert_eq!(b.answer(V, 0), ["q0 of P to the client at p1"]);
    assert_eq!(b.answer_wrongly(S, 0), ["S disagrees at #0", "S is quarantined"]);
}

#[test]
fn without_a_majority_vote_is_preferred_with_a_wait() {
    let mut b = Bench::new(config(&[P, S, V], Selection::Vote));
    b.request();
    b.answer(P, 0);
    b.answer_wrongly(S, 0);
    let told = without(b.wait(ms(3)), &["again"]);
    assert_eq!(told, ["q0 of P to the client at p1", "S disagrees at #0", "S is quarantined"]);
}
