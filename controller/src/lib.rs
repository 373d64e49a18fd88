//! The SDN controller and the edge controller, as pure nodes.
//!
//! Controllers hold no state of their own: they are reconcilers. From the last reports of anchor, switches and servers
//! they compute the next orders; every order may be repeated, and what is missing is asked for again. So a controller
//! that is started in the middle of a migration goes on where the other one stopped. They are off the data path: no
//! request ever waits for the edge controller, and for the SDN controller only with `handover: reactive`.
//!
//! ```text
//!  switches ──PacketIn──▶ SdnController ──ClientAt──────▶ EdgeController ◀──ServerStatus── servers
//!           ◀──FlowMod───                ──ServiceStatus─▶                ──ServerCommand─▶
//!    anchor ◀──Service───                ◀──Service──────                 ◀──ServerLost──── driver
//! ```

pub mod edge;
mod outbox;
pub mod sdn;

pub use edge::{
    CopyRules, EdgeConfig, EdgeController, EdgeError, NoStandby, NotConverged, PhaseTimeouts, Site,
};
pub use sdn::{SdnConfig, SdnController};
