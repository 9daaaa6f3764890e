//! The yardstick: the same HTTP stack, sending bytes that it does not have to find.

use anyhow::Result;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use clap::Args;
use tokio::net::TcpListener;

#[derive(Debug, Args)]
pub(crate) struct ConstantArguments {
    /// The port to listen on
    #[arg(long)]
    port: u16,
    /// The size of the answer
    #[arg(long)]
    bytes: usize,
}

/// Answers until the process is killed.
pub(crate) async fn run(arguments: ConstantArguments) -> Result<()> {
    let body = Bytes::from(vec![b' '; arguments.bytes]);
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json; charset=utf-8")], body) }
    };
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await?;
    axum::serve(listener, Router::new().fallback(answer)).await?;
    Ok(())
}
