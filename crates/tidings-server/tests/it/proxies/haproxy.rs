use std::fs;
use std::path::Path;
use std::process::Command as System;

use super::{Proxy, check_client, check_stream, folder, free_address, hub, program, recipe};

/// What it may have open is less on some machines.
const FILES: (&str, &str) = ("maxconn 20000", "maxconn 500");

fn command(program: &Path, folder: &Path, recipe: &str) -> System {
    let file = folder.join("haproxy.cfg");
    fs::write(&file, recipe).expect("a file");
    let mut command = System::new(program);
    command.arg("-db").arg("-f").arg(file);
    command
}

#[test]
fn t20_events_and_clients_come_through_haproxy() {
    let Some(program) = program("haproxy") else {
        return;
    };
    let (hub, address) = (hub(""), free_address());
    let (folder, identity) = folder();
    let path = folder.path().display();
    let words = [
        FILES,
        ("bind :443 ", &*format!("bind {address} ")),
        ("127.0.0.1:8434", &hub.address().to_string()),
        ("/etc/haproxy/hub.example.pem", &*format!("{path}/both.pem")),
    ];
    let mut command = command(&program, folder.path(), &recipe("haproxy.cfg", &words));
    let proxy = Proxy::start(&mut command, folder, address, Some(identity));
    check_client(&hub, &proxy);
    check_stream(&hub, &proxy);
}

#[test]
fn t20_events_and_clients_come_through_haproxy_that_passes_on_bytes() {
    let Some(program) = program("haproxy") else {
        return;
    };
    let address = free_address();
    let (folder, identity) = folder();
    let path = folder.path().display();
    // Administrators come to a loopback address without a proxy, and so does the test.
    let hub = hub(&format!(
        "proxy_protocol = true\nadmin_listen = \"127.0.0.1:0\"\n\
         [tls]\ncertificate = \"{path}/certificate.pem\"\nkey = \"{path}/key.pem\"\n"
    ));
    let public = hub.process().find_in_stderr(|stderr| {
        let (_, after) = stderr.split_once("listening on https://")?;
        Some(after.split_once('\n')?.0.to_owned())
    });
    let words = [
        FILES,
        ("bind :443", &*format!("bind {address}")),
        ("127.0.0.1:8434", &public.expect("an address")),
    ];
    let mut command = command(&program, folder.path(), &recipe("haproxy-tcp.cfg", &words));
    let proxy = Proxy::start(&mut command, folder, address, Some(identity));
    check_client(&hub, &proxy);
    check_stream(&hub, &proxy);
}
