//! `activity [ADDRESS] [--quiet]`

use std::error::Error;
use std::io::{Write, stdout};

use tidings_example_activity::{Site, Store};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut address, mut is_quiet) = ("127.0.0.1:3000".to_owned(), false);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quiet" => is_quiet = true,
            _ => address = argument,
        }
    }
    let site = Site::new(Store::open_in_memory()?);
    let listener = TcpListener::bind(&address).await?;
    writeln!(stdout(), "listening on http://{}", listener.local_addr()?)?;
    let serving = tidings_http::serve(listener, site.router);
    if is_quiet {
        serving.await;
        return Ok(());
    }
    tokio::select! {
        () = serving => Ok(()),
        ended = site.satellite.simulate() => Err(ended.into()),
    }
}
