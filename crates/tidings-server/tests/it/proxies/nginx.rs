use std::fs;
use std::path::Path;
use std::process::Command as System;

use tempfile::tempdir;

use super::{Proxy, check_client, check_stream, folder, free_address, hub, program, recipe};

/// What is around a recipe on a system, but for what only root may use.
fn whole(folder: &Path, recipe: &str) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|name| format!("    {name}_temp_path {folder}/{name};\n"));
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n    access_log off;\n    gzip on;\n{}{recipe}}}\n",
        temporary.concat()
    )
}

fn start(program: &Path, folder: &Path, recipe: &str) -> System {
    let file = folder.join("nginx.conf");
    fs::write(&file, whole(folder, recipe)).expect("a file");
    let mut command = System::new(program);
    command
        .args(["-e", "stderr", "-p"])
        .arg(folder)
        .arg("-c")
        .arg(file);
    command
}

#[test]
fn t20_events_come_through_nginx_as_it_comes() {
    let Some(program) = program("nginx") else {
        return;
    };
    let (hub, address) = (hub(""), free_address());
    let folder = tempdir().expect("a temporary directory");
    let words = [
        ("listen 80;", &*format!("listen {address};")),
        ("127.0.0.1:8434", &hub.address().to_string()),
    ];
    let mut command = start(
        &program,
        folder.path(),
        &recipe("nginx-minimal.conf", &words),
    );
    let proxy = Proxy::start(&mut command, folder, address, None);
    check_stream(&hub, &proxy);
}

#[test]
fn t20_events_and_clients_come_through_nginx() {
    let Some(program) = program("nginx") else {
        return;
    };
    let (hub, address) = (hub(""), free_address());
    let (folder, identity) = folder();
    let words = [
        ("listen 443 ", &*format!("listen {address} ")),
        ("127.0.0.1:8434", &hub.address().to_string()),
        ("/etc/ssl/hub.example", &folder.path().to_string_lossy()),
    ];
    let mut command = start(&program, folder.path(), &recipe("nginx.conf", &words));
    let proxy = Proxy::start(&mut command, folder, address, Some(identity));
    check_client(&hub, &proxy);
    check_stream(&hub, &proxy);
}
