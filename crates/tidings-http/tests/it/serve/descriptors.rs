use std::env;
use std::fs::File;
use std::process::Command;

use tokio::io::AsyncWriteExt;

use super::*;

#[test]
fn a_server_without_descriptors_accepts_again_once_it_has_some() {
    let child = Command::new("sh")
        .args(["-c", r#"ulimit -n 64 && exec "$0" "$@""#])
        .arg(env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "serve::descriptors::with_64_descriptors",
        ])
        .output()
        .unwrap();

    let output = String::from_utf8_lossy(&child.stdout);
    assert!(output.contains("1 passed"), "{output}");
}

#[tokio::test]
#[ignore = "needs the limit that the test above sets for its own process"]
async fn with_64_descriptors() {
    let server = start(ServeLimits::default()).await;
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    // Room for the client's end and none for the server's.
    files.pop();
    let mut stream = server.connect().await;
    stream.write_all(REMOTE_AND_CLOSE.as_bytes()).await.unwrap();
    // The runtime looks at its sockets at least once in so many turns.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }

    drop(files);

    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
