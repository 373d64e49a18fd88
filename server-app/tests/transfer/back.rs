//! What targets send back.

use crate::fixture::*;
use proptest::prelude::*;
use zerogap_proto::MigrationId;
use zerogap_server_app::transfer::{Back, Requests, TransferError, acknowledgement, request_page};

#[test]
fn only_pages_that_exist_can_be_wanted_and_only_by_this_migrations_target() {
    let read = |bytes: &[u8]| Requests::new(M, PAGES).push(bytes);
    assert_eq!(read(&request_page(M, PAGES as u32 - 1)), Ok(vec![Back::Wanted(PAGES - 1)]));
    assert_eq!(read(&request_page(M, PAGES as u32)), Err(TransferError::Order));
    assert_eq!(read(&request_page(MigrationId(8), 0)), Err(TransferError::OtherMigration(MigrationId(8))));
    assert_eq!(read(&acknowledgement(MigrationId(8))), Err(TransferError::OtherMigration(MigrationId(8))));
    assert_eq!(read(b"HTTP"), Err(TransferError::NotATransfer));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_comes_back_may_be_split_anywhere_and_no_damage_escapes(
        wanted in proptest::collection::vec(0..PAGES, 0..9),
        cut in any::<prop::sample::Index>(),
        damage in proptest::option::of((any::<prop::sample::Index>(), 0..8)),
    ) {
        let mut bytes: Vec<u8> = wanted.iter().flat_map(|&page| request_page(M, page as u32)).collect();
        bytes.extend(acknowledgement(M));
        let mut expected: Vec<_> = wanted.into_iter().map(Back::Wanted).collect();
        expected.push(Back::Acknowledged);
        if let Some((at, bit)) = damage {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        }
        let (now, later) = bytes.split_at(cut.index(bytes.len()));
        let mut requests = Requests::new(M, PAGES);
        let said = requests.push(now).and_then(|mut said| {
            said.extend(requests.push(later)?);
            Ok(said)
        });
        prop_assert_eq!(said.ok(), damage.is_none().then_some(expected));
    }
}
