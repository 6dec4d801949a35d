use std::fs;
use std::process::Command as System;

use super::{Proxy, check_client, check_stream, folder, free_address, hub, program, recipe};

#[test]
fn t20_events_and_clients_come_through_caddy() {
    let Some(program) = program("caddy") else {
        return;
    };
    let (hub, address) = (hub(""), free_address());
    let (folder, identity) = folder();
    let path = folder.path().to_string_lossy().into_owned();
    // A certificate that is not asked for on the network, and nothing else that this machine has not.
    let site = format!(
        "{{\n\tadmin off\n\tauto_https disable_redirects\n}}\nhttps://hub.example:{} {{\n\
         \tbind 127.0.0.1\n\ttls {path}/certificate.pem {path}/key.pem\n",
        address.port()
    );
    let words = [
        ("hub.example {", &*site),
        ("127.0.0.1:8434", &hub.address().to_string()),
    ];
    let file = folder.path().join("Caddyfile");
    fs::write(&file, recipe("Caddyfile", &words)).expect("a file");
    let mut command = System::new(program);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file);
    command.env("HOME", folder.path());
    let proxy = Proxy::start(&mut command, folder, address, Some(identity));
    check_client(&hub, &proxy);
    check_stream(&hub, &proxy);
}
