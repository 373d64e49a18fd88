//! server-app
