//! For tests: a switch that has two ports and a service, no socket and no frames.

use super::control::Works;
use crate::ctl::protocol::PortState;
use std::cell::RefCell;
use std::sync::Arc;
use zerogap_proto::{Epoch, Health, Instant, Offset, PortId, ServiceId};
use zerogap_switch::anchor::{ReaderAccount, ServiceAccount};
use zerogap_switch::bridge::Station;
use zerogap_switch::io::ApplyError;
use zerogap_switch::table::{Bundle, Count, Flow, Mac, Tables};

/// Its clock says 5 s.
#[derive(Default)]
pub(super) struct Model(RefCell<Arc<Tables>>);

impl Works for Model {
    fn now(&self) -> Instant {
        Instant::from_nanos(5_000_000_000)
    }

    fn ports(&self) -> Vec<PortState> {
        let a = PortState { name: "a".to_owned(), up: true, ..PortState::default() };
        let (frames_in, dropped) = (12, [("storm".to_owned(), 2)].into());
        vec![
            PortState { frames_in, dropped, kernel_lost_in: Some(3), ..a.clone() },
            PortState { name: "b".to_owned(), ..a },
        ]
    }

    fn tables(&self) -> Arc<Tables> {
        Arc::clone(&self.0.borrow())
    }

    fn count(&self, _: &Flow) -> Count {
        Count { packets: 7, bytes: 700, used: Some(Instant::from_nanos(4_000_000_000)) }
    }

    fn services(&self) -> Vec<ServiceAccount> {
        let b = ReaderAccount {
            name: "b".to_owned(),
            health: Some(Health::Healthy),
            unanswered: Offset(18),
            next: Offset(20),
            absences: 0,
            released: 18,
            agreed: 0,
        };
        let a = ReaderAccount {
            name: "a".to_owned(),
            health: None,
            unanswered: Offset(0),
            next: Offset(0),
            ..b.clone()
        };
        vec![ServiceAccount {
            id: ServiceId(7),
            endpoint: "10.0.0.100:7000".to_owned(),
            head: Offset(20),
            held: 2,
            epoch: Epoch(1),
            released: 18,
            duplicates: 0,
            agreed: 0,
            disagreed: 0,
            servers: vec![b, a],
            events: Vec::new(),
        }]
    }

    fn stations(&self, _: u32) -> Vec<Station> {
        let station = |mac: &str, port| {
            let Mac(mac) = mac.parse().expect("an address");
            Station { mac, port: PortId(port), heard_s: 2 }
        };
        vec![station("02:00:00:00:00:02", 1), station("02:00:00:00:00:01", 0)]
    }

    fn apply(&self, bundle: &Bundle) -> Result<(), ApplyError> {
        let next = self.tables().with(Instant::ZERO, bundle)?;
        self.0.replace(Arc::new(next));
        Ok(())
    }
}
