//! Takes connections and speaks HTTP over them: HTTP/1.1 and HTTP/2, with TLS or without.
//!
//! What is behind a connection is a [`Service`], such as an [`axum::Router`], and of no interest here. This crate holds that no client can
//! keep the server from serving others: by being slow, by being silent, by opening too many connections, by sending
//! endless headers; and that the server can stop without cutting off what it has begun to answer.
//!
//! A newcomer starts at [`serve`], which accepts connections, then reads `connection.rs`, which is the life of one.
//! `activity.rs` says when a connection has been patient with for long enough.

mod accept;
mod activity;
mod connection;
mod requests;
mod settings;
mod socket;
mod tls;

pub use self::accept::{Drained, serve};
pub use self::requests::Service;
pub use self::settings::ServingSettings;
pub use self::tls::{Certificate, Tls, TlsError};
