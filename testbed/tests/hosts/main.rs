//! Tests on real TAPs and namespaces. They need the rights for them and say so when they are skipped. This program is
//! also the one that the hosts are started from: like the command line it dispatches the hidden subcommands.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;
mod death;
mod exec;
mod forged;
mod network;
mod nodes;
mod processes;
mod pull;
mod rounds;
mod transfer;

use std::ffi::OsString;
use std::process::ExitCode;
use zerogap_testbed::sys::fork::probe;
use zerogap_testbed::sys::lock::RealLock;

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    ("a_host_has_the_addresses_of_its_spec_and_nothing_else", network::addresses),
    ("two_hosts_reach_each_other_through_a_forwarder", network::forwarding),
    ("a_host_sends_no_frame_of_its_own_accord", network::silence),
    ("a_service_address_never_stands_in_an_arp_request", network::arp_sender),
    ("processes_start_end_and_start_again_as_ordered", processes::lives),
    ("a_host_ends_with_its_init_and_says_so", processes::gone),
    ("nothing_is_left_when_the_testbed_is_killed_at_any_step", death::at_each_step),
    ("nothing_is_left_when_the_testbed_is_killed_at_any_time", death::at_any_time),
    ("nothing_is_left_after_an_orderly_stop", death::orderly),
    ("a_command_runs_inside_a_host", exec::inside),
    ("exec_tells_what_is_wrong", exec::errors),
    ("an_agv_asks_on_schedule_and_records_what_it_got", nodes::agv),
    ("a_server_answers_in_order_on_its_service_address", nodes::server),
    ("a_state_moves_to_two_hosts_and_has_the_same_digest_there", transfer::moves),
    ("a_full_copy_moves_as_well_and_the_server_goes_on_once_it_is_taken", transfer::moves_copied),
    ("a_state_moves_in_rounds_while_it_changes_and_the_frozen_rest_completes_it", rounds::pre_copy),
    ("a_server_goes_on_before_its_state_is_there_and_pulls_it", pull::post_copy),
    ("rounds_leave_little_to_pull", pull::hybrid),
    ("a_server_whose_pages_cannot_come_any_more_ends", pull::source_lost),
    ("a_server_ends_with_its_pager", pull::pager_lost),
    ("a_page_that_is_lost_or_damaged_on_the_way_is_noticed", forged::streams),
    ("a_transfer_to_nobody_fails_and_the_server_goes_on", transfer::unreachable),
    ("the_child_that_sends_ends_with_its_server_and_when_cancelled", transfer::child_ends),
    ("the_doctor_finds_nothing_missing_where_these_tests_run", nodes::doctor),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["host", name] => zerogap_testbed::host::init_main(name),
        // A host runs `agv NAME` for a client; which of the tests' programs that is follows from the name.
        ["agv", name] if name.ends_with("-real") => zerogap_testbed::process::agv_main(name),
        ["agv", _] => processes::sleeper(),
        ["server", name] => zerogap_testbed::process::server_main(name),
        ["testbed", name, step] => death::testbed(name, step),
        ["exec", node, "--", ..] => {
            exec::run(node, &words[3..].iter().map(OsString::from).collect::<Vec<_>>())
        }
        _ => run_tests(words.iter().copied().find(|word| !word.starts_with('-'))),
    }
}

fn run_tests(filter: Option<&str>) -> ExitCode {
    if let Err(errno) = probe(bench::needs) {
        println!("skipped: no namespaces or TAPs here ({errno}): run as root with /dev/net/tun");
        return ExitCode::SUCCESS;
    }
    let _lock = RealLock::take().unwrap();
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| filter.is_none_or(|word| name.contains(word))) {
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u32::from(!passed);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
