//! client-agv
