//! The AGV: a pure [`Node`](zerogap_proto::Node) that drives over a factory floor by the answers of its service, and
//! measures them.
//!
//! [`Agv`] joins the parts, each of which knows nothing of the others: a [`Schedule`](pacing::Schedule) says when requests
//! are due, the [`Plant`](motion::Plant) where the AGV is, the [`Floor`] what its lidar sees, the [`Tour`](route::Tour)
//! where it wants to go, [`Roaming`](roaming::Roaming) which access point it uses, the [`Ledger`](ledger::Ledger) what
//! became of each request and the [`Watch`](watch::Watch) whether it may move at all. Nothing that decides uses floats.

pub mod agv;
pub mod config;
pub mod floor;
pub mod ledger;
pub mod motion;
pub mod pacing;
pub mod point;
pub mod roaming;
pub mod route;
pub mod trig;
pub mod watch;

pub use agv::{Agv, Ignored};
pub use config::{AgvConfig, ConfigError};
pub use floor::{Floor, Obstacle};
pub use point::Point;
pub use roaming::AccessPoint;
pub use route::Route;
