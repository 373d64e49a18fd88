//! What is done with a frame, in the order in which it is written: `[{set: {ipv4_dst: 10.0.0.2}}, {output: b}]`. An empty
//! list drops the frame, as `drop` does. Carrying them out is `execute.rs`.

use super::field::{Mac, VLAN_MAX};
use super::group::{GroupId, GroupSpec};
use super::matching::{DSCP_MAX, Header, Match};
use super::meter::MeterId;
use schemars::JsonSchema;
use serde::de::{self, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smoltcp::wire::Ipv4Address;
use std::fmt;
use std::marker::PhantomData;
use thiserror::Error;
use zerogap_proto::{PortId, ServiceId};

/// Actions that a flow or a bucket may have.
const ACTIONS_MAX: usize = 64;

/// One thing to do with a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action<P = PortId> {
    /// Send it as it stands now.
    Output(Output<P>),
    /// Change fields.
    Set(SetFields),
    /// Put a tag with this VLAN id on.
    PushVlan(u16),
    /// Take the tag off.
    PopVlan,
    /// Do what the group says; its changes to the frame are not seen by what follows.
    Group(GroupId),
    /// Go on only if the meter has tokens left.
    Meter(MeterId),
    /// Hand it to a service that is anchored here.
    Service(#[schemars(with = "u16")] ServiceId),
    /// Hand it to the controller.
    Controller,
    /// Do nothing. Stands alone.
    Drop,
}

/// Where a frame is sent: a port's name, or one of the words, which no port may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<P = PortId> {
    /// A port; never the one that the frame came in by.
    Port(P),
    /// `in_port`: back where it came from.
    InPort,
    /// `flood`: all ports but the one that it came in by.
    Flood,
    /// `normal`: where a learning switch would send it.
    Normal,
}

/// Fields to change; those that are left out stay as they are. Checksums follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFields {
    /// Source MAC address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eth_src: Option<Mac>,
    /// Destination MAC address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eth_dst: Option<Mac>,
    /// VLAN id of the tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// IPv4: sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4_src: Option<Ipv4Address>,
    /// IPv4: receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4_dst: Option<Ipv4Address>,
    /// IPv4: differentiated services code point, 0 to 63.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_dscp: Option<u8>,
    /// UDP over IPv4: source port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp_src: Option<u16>,
    /// UDP over IPv4: destination port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp_dst: Option<u16>,
    /// TCP over IPv4: source port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_src: Option<u16>,
    /// TCP over IPv4: destination port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_dst: Option<u16>,
}

/// Why a list of actions cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ActionError {
    /// More than are allowed.
    #[error("{0} actions are more than {ACTIONS_MAX}")]
    TooMany(usize),
    /// `drop` beside others.
    #[error("drop stands alone")]
    DropNotAlone,
    /// `set` without a field.
    #[error("set needs a field")]
    EmptySet,
    /// A change to what the flow's match does not promise to be there.
    #[error("{action} needs a match with {needs}")]
    Prerequisite {
        /// The action.
        action: &'static str,
        /// What the match must say.
        needs: &'static str,
    },
    /// A number that the field has no room for.
    #[error("{field} is at most {max}, not {value}")]
    Range {
        /// The field.
        field: &'static str,
        /// What was written.
        value: u16,
        /// The most that there is.
        max: u16,
    },
    /// A group that is not there.
    #[error("there is no group {0}")]
    UnknownGroup(GroupId),
    /// A meter that is not there.
    #[error("there is no meter {0}")]
    UnknownMeter(MeterId),
    /// A group in a group's bucket.
    #[error("a bucket cannot lead to a group")]
    NestedGroup,
    /// What is wrong in the group that the flow leads to.
    #[error("group {group}, bucket {bucket}: {error}")]
    InGroup {
        /// The group.
        group: GroupId,
        /// Index of its bucket.
        bucket: usize,
        /// What is wrong there.
        error: Box<Self>,
    },
}

/// What a list of actions may refer to, and what the flow's match promises about the frame.
pub(super) struct Context<'a> {
    pub(super) matching: &'a Match,
    pub(super) group: &'a dyn Fn(GroupId) -> Option<&'a GroupSpec>,
    pub(super) has_meter: &'a dyn Fn(MeterId) -> bool,
}

impl Context<'_> {
    /// Whether all actions can be done to every frame that is whole and matches.
    ///
    /// # Errors
    /// The first action that cannot.
    pub(super) fn check(&self, actions: &[Action]) -> Result<(), ActionError> {
        self.check_from(actions, self.matching.tagged())
    }

    fn check_from(&self, actions: &[Action], mut tagged: Option<bool>) -> Result<(), ActionError> {
        for action in actions {
            match action {
                Action::Set(set) => self.check_set(set, tagged)?,
                Action::PushVlan(_) if tagged != Some(false) => {
                    return Err(ActionError::Prerequisite { action: "push_vlan", needs: "vlan: none" });
                }
                Action::PopVlan if tagged != Some(true) => return Err(needs_tag("pop_vlan")),
                Action::PushVlan(_) => tagged = Some(true),
                Action::PopVlan => tagged = Some(false),
                Action::Group(id) => {
                    let group = (self.group)(*id).ok_or(ActionError::UnknownGroup(*id))?;
                    for (bucket, actions) in group.buckets.iter().map(|bucket| &bucket.actions).enumerate() {
                        self.check_from(actions, tagged).map_err(|error| ActionError::InGroup {
                            group: *id,
                            bucket,
                            error: Box::new(error),
                        })?;
                    }
                }
                Action::Meter(id) if !(self.has_meter)(*id) => return Err(ActionError::UnknownMeter(*id)),
                Action::Meter(_)
                | Action::Output(_)
                | Action::Service(_)
                | Action::Controller
                | Action::Drop => {}
            }
        }
        Ok(())
    }

    fn check_set(&self, set: &SetFields, tagged: Option<bool>) -> Result<(), ActionError> {
        if set.vlan.is_some() && tagged != Some(true) {
            return Err(needs_tag("set vlan"));
        }
        let wanted = [
            (set.ipv4_src.is_some(), "set ipv4_src", Header::Ipv4),
            (set.ipv4_dst.is_some(), "set ipv4_dst", Header::Ipv4),
            (set.ip_dscp.is_some(), "set ip_dscp", Header::Ipv4),
            (set.udp_src.is_some(), "set udp_src", Header::UdpOverIpv4),
            (set.udp_dst.is_some(), "set udp_dst", Header::UdpOverIpv4),
            (set.tcp_src.is_some(), "set tcp_src", Header::TcpOverIpv4),
            (set.tcp_dst.is_some(), "set tcp_dst", Header::TcpOverIpv4),
        ];
        match wanted.into_iter().find(|&(is_set, _, header)| is_set && !self.matching.asks_for(header)) {
            Some((_, action, header)) => Err(ActionError::Prerequisite { action, needs: header.asked_for() }),
            None => Ok(()),
        }
    }
}

const fn needs_tag(action: &'static str) -> ActionError {
    ActionError::Prerequisite { action, needs: "vlan: any or an id" }
}

/// Whether a list of actions is sound whatever it refers to.
///
/// # Errors
/// The first mistake.
pub(super) fn check_alone(actions: &[Action]) -> Result<(), ActionError> {
    if actions.len() > ACTIONS_MAX {
        return Err(ActionError::TooMany(actions.len()));
    }
    if actions.len() > 1 && actions.contains(&Action::Drop) {
        return Err(ActionError::DropNotAlone);
    }
    actions.iter().try_for_each(|action| match action {
        Action::Set(set) if *set == SetFields::default() => Err(ActionError::EmptySet),
        Action::Set(set) => {
            let dscp = set.ip_dscp.map(u16::from);
            at_most("set ip_dscp", dscp, DSCP_MAX.into())?;
            at_most("set vlan", set.vlan, VLAN_MAX)
        }
        Action::PushVlan(id) => at_most("push_vlan", Some(*id), VLAN_MAX),
        Action::Output(_)
        | Action::PopVlan
        | Action::Group(_)
        | Action::Meter(_)
        | Action::Service(_)
        | Action::Controller
        | Action::Drop => Ok(()),
    })
}

fn at_most(field: &'static str, value: Option<u16>, max: u16) -> Result<(), ActionError> {
    match value {
        Some(value) if value > max => Err(ActionError::Range { field, value, max }),
        _ => Ok(()),
    }
}

impl<P> Action<P> {
    /// The service that it hands the frame to, if it does.
    pub(super) const fn service(&self) -> Option<ServiceId> {
        match self {
            Self::Service(id) => Some(*id),
            Self::Output(_)
            | Self::Set(_)
            | Self::PushVlan(_)
            | Self::PopVlan
            | Self::Group(_)
            | Self::Meter(_)
            | Self::Controller
            | Self::Drop => None,
        }
    }

    /// The same action, its port called otherwise.
    pub(super) fn map_ports<Q, E>(self, map: &mut impl FnMut(P) -> Result<Q, E>) -> Result<Action<Q>, E> {
        Ok(match self {
            Self::Output(Output::Port(port)) => Action::Output(Output::Port(map(port)?)),
            Self::Output(Output::InPort) => Action::Output(Output::InPort),
            Self::Output(Output::Flood) => Action::Output(Output::Flood),
            Self::Output(Output::Normal) => Action::Output(Output::Normal),
            Self::Set(set) => Action::Set(set),
            Self::PushVlan(id) => Action::PushVlan(id),
            Self::PopVlan => Action::PopVlan,
            Self::Group(id) => Action::Group(id),
            Self::Meter(id) => Action::Meter(id),
            Self::Service(id) => Action::Service(id),
            Self::Controller => Action::Controller,
            Self::Drop => Action::Drop,
        })
    }
}

/// Words that stand where a port's name could.
pub(super) const RESERVED: [&str; 3] = ["in_port", "flood", "normal"];

impl<P: Serialize> Serialize for Output<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [in_port, flood, normal] = RESERVED;
        match self {
            Self::Port(port) => port.serialize(serializer),
            Self::InPort => serializer.serialize_str(in_port),
            Self::Flood => serializer.serialize_str(flood),
            Self::Normal => serializer.serialize_str(normal),
        }
    }
}

impl<'de, P: Deserialize<'de>> Deserialize<'de> for Output<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OutputVisitor(PhantomData))
    }
}

struct OutputVisitor<P>(PhantomData<P>);

impl<'de, P: Deserialize<'de>> Visitor<'de> for OutputVisitor<P> {
    type Value = Output<P>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a port, in_port, flood or normal")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Output<P>, E> {
        match text {
            "in_port" => Ok(Output::InPort),
            "flood" => Ok(Output::Flood),
            "normal" => Ok(Output::Normal),
            name => P::deserialize(name.into_deserializer()).map(Output::Port),
        }
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Output<P>, E> {
        P::deserialize(number.into_deserializer()).map(Output::Port)
    }
}
