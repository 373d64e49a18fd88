//! Workers: the threads that carry frames. The request worker drives the switches and the radio over the hosts' `eth0`; the
//! bulk worker drives plain learning switches over their `eth1`. Each owns its nodes and its ports, so a frame meets no lock
//! on its way; the two tell each other by atomics how busy the shared links are.

mod engine;
mod flights;
mod mail;
mod ports;
mod wires;

pub use engine::{Device, Worker, WorkerSetup};
pub use mail::{Mail, MailSender, Mailbox, Post, mailbox};
pub use ports::Ports;
pub use wires::{LinkClocks, SharedWires};
