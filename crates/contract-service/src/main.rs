//! A small HTTP service that opens event streams with `tidings-client` on behalf of a test
//! harness, and tells the harness what came: what drives the client in the language-independent
//! contract tests for SSE clients.
//!
//! It listens on `127.0.0.1` and the port in `PORT` (8000 if unset; 0 for a free one).
//!
//! | request | meaning |
//! | --- | --- |
//! | `GET /` | what the client can do: `{"name","capabilities"}` |
//! | `POST /` | opens a stream, see [`Params`](params::Params); 201 with its `Location` |
//! | `POST /streams/{id}` | `{"command":"listen","listen":{"type"}}` or `{"command":"restart"}` |
//! | `DELETE /streams/{id}` | closes the stream |
//! | `DELETE /` | ends the service |
//!
//! What happens on a stream is posted to its callback address with a running number behind it,
//! from 1 on: `{"kind":"event","event":{"type","data","id"}}`, `{"kind":"comment","comment"}` or
//! `{"kind":"error","error"}`.

mod follow;
mod params;
mod report;
mod service;

use std::env;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use anyhow::Context;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = match env::var("PORT") {
        Ok(port) => port.parse().context("PORT is not the number of a port")?,
        Err(_) => 8000,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    writeln!(io::stderr(), "listening on http://{address}")?;
    service::serve(listener).await?;
    Ok(())
}
