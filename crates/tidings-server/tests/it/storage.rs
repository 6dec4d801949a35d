use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tidings_testkit::{Command, Finished, Hub, StreamReader};

use crate::mount::Mount;
use crate::{SERVE, TIDINGS, hub_on, stop, with};

/// What is set where.
#[derive(Clone, Copy, Default)]
struct Set<'a> {
    flags: &'a [&'a str],
    variables: &'a [(&'a str, &'a str)],
    file: &'a str,
}

/// A `tidings` command with these settings in an empty directory, which is given as well.
fn command(subcommand: &[&str], set: Set<'_>) -> (Command, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("tidings.toml");
    fs::write(file, set.file).expect("a settings file");
    let arguments = [subcommand, set.flags].concat();
    let command = Command::new(TIDINGS, &arguments).directory(directory.path());
    (with(command, set.variables), directory)
}

fn check(set: Set<'_>) -> Finished {
    command(&["check"], set).0.run()
}

/// Asserts that a hub with these settings keeps its history in this folder, or in none.
#[track_caller]
fn assert_keeps(set: Set<'_>, folder: Option<&str>) {
    let (command, directory) = command(&SERVE, set);
    let hub = Hub::spawn(command);
    let receipt = hub.post("/api/events?topic=t", "x").json();
    let durability = if folder.is_some() { "disk" } else { "memory" };
    assert_eq!(receipt["durability"], durability);
    let entries = fs::read_dir(directory.path()).expect("the directory");
    let entries = entries.map(|entry| entry.expect("an entry").file_name());
    let folders: Vec<_> = entries.filter(|name| name != "tidings.toml").collect();
    assert_eq!(folders, folder.into_iter().collect::<Vec<_>>());
    if let Some(folder) = folder {
        assert!(directory.path().join(folder).join("log.redb").is_file());
    }
}

#[test]
fn history_is_in_tidings_data_unless_told_otherwise() {
    assert_keeps(Set::default(), Some("tidings-data"));
}

#[test]
fn the_folder_is_a_setting_like_any_other() {
    let file = "data_dir = \"of-file\"\n";
    let variables = [("TIDINGS_DATA_DIR", "of-variable")];
    let mut set = Set {
        file,
        ..Set::default()
    };
    assert_keeps(set, Some("of-file"));
    set.variables = &variables;
    assert_keeps(set, Some("of-variable"));
    set.flags = &["--data-dir", "of-flag"];
    assert_keeps(set, Some("of-flag"));
}

#[test]
fn memory_at_a_higher_level_displaces_a_folder_and_the_other_way_round() {
    let set = Set {
        file: "data_dir = \"of-file\"\n",
        variables: &[("TIDINGS_MEMORY", "true")],
        ..Set::default()
    };
    assert_keeps(set, None);
    let set = Set {
        file: "memory = true\n",
        variables: &[("TIDINGS_DATA_DIR", "of-variable")],
        ..Set::default()
    };
    assert_keeps(set, Some("of-variable"));
    let set = Set {
        flags: &["--memory"],
        ..set
    };
    assert_keeps(set, None);
}

#[test]
fn memory_and_folder_at_one_level_are_refused_by_name() {
    for (set, names) in [
        (
            Set {
                flags: &["--memory", "--data-dir", "d"],
                ..Set::default()
            },
            ["--memory", "--data-dir"],
        ),
        (
            Set {
                variables: &[("TIDINGS_MEMORY", "1"), ("TIDINGS_DATA_DIR", "d")],
                ..Set::default()
            },
            ["TIDINGS_MEMORY", "TIDINGS_DATA_DIR"],
        ),
        (
            Set {
                file: "memory = true\ndata_dir = \"d\"\n",
                ..Set::default()
            },
            ["memory in", "data_dir in"],
        ),
    ] {
        for subcommand in [&["check"][..], &SERVE] {
            let (command, directory) = command(subcommand, set);
            let refused = command.run();
            assert_eq!(refused.code, Some(2), "{refused:?}");
            for name in names {
                assert!(refused.stderr.contains(name), "{name}: {refused:?}");
            }
            assert!(!directory.path().join("d").exists());
        }
    }
}

#[test]
fn nothing_can_be_on_disk_where_history_is_in_memory() {
    for file in [
        "durability = \"disk\"\n",
        "[[topic]]\npattern = \"a\"\ndurability = \"disk\"\n",
    ] {
        let set = Set {
            flags: &["--memory"],
            file,
            ..Set::default()
        };
        let refused = check(set);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("durability in"), "{refused:?}");
        check(Set {
            file,
            ..Set::default()
        })
        .success();
    }
}

#[test]
fn check_prints_what_reads_back_the_same() {
    let file = "durability = \"memory\"\n[[topic]]\npattern = \"a/*\"\ndurability = \"disk\"\n";
    let stored = Set {
        flags: &["--data-dir", "elsewhere"],
        file,
        ..Set::default()
    };
    let in_memory = Set {
        flags: &["--memory"],
        ..Set::default()
    };
    for (set, expected) in [
        (stored, ["data_dir = \"elsewhere\"", "total = \"1GiB\""]),
        (in_memory, ["memory = true", "total = \"256MiB\""]),
    ] {
        let printed = check(set).success();
        for line in expected {
            assert!(printed.lines().any(|own| own == line), "{line}: {printed}");
        }
        let read_back = Set {
            file: &printed,
            ..Set::default()
        };
        assert_eq!(check(read_back).success(), printed);
    }
}

#[test]
fn a_port_that_is_taken_is_told_before_a_log_is_made() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let (command, directory) = command(&["serve", "--listen", &address], Set::default());
    let refused = command.run();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(&address), "{refused:?}");
    assert!(!directory.path().join("tidings-data").exists());
}

/// What `tidings serve` says of a folder that it cannot use.
#[track_caller]
fn refused(folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    let finished = Command::new(TIDINGS, &[&SERVE[..], &["--data-dir", &folder]].concat()).run();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let said = finished.stderr;
    assert!(said.contains(&*folder), "{said}");
    assert!(
        !said.contains("listening") && !said.contains("panicked"),
        "{said}"
    );
    said
}

#[test]
fn a_folder_that_is_a_file_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("file");
    fs::write(&file, "mine").expect("a file");
    refused(&file);
    let said = refused(&file.join("below"));
    assert!(said.contains("is not a folder"), "{said}");
    assert_eq!(fs::read(&file).expect("the file"), b"mine");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let folder = directory.path();
    fs::set_permissions(folder, Permissions::from_mode(0o500)).expect("permissions");
    if fs::write(folder.join("probe"), "").is_err() {
        let said = refused(folder);
        assert!(said.contains("writable"), "{said}");
    } else if let Some(mount) = Mount::new("ro") {
        // For whoever may write everywhere.
        let said = refused(mount.path());
        assert!(said.contains("read-only"), "{said}");
    }
}

#[test]
fn a_file_that_is_no_log_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("log.redb");
    for foreign in [b"a diary".to_vec(), vec![0xa5; 100_000]] {
        fs::write(&file, &foreign).expect("a file");
        let said = refused(directory.path());
        assert!(said.contains("move the file away"), "{said}");
        assert!(fs::read(&file).expect("the file") == foreign);
    }
}

#[test]
fn a_second_hub_on_a_folder_is_refused_and_the_first_goes_on() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let first = hub_on(directory.path(), &[]);
    let mut stream: StreamReader = first.stream("topic=t");
    let said = refused(directory.path());
    assert!(said.contains("in use by another process"), "{said}");
    let id = first.publish("t", "n", "still here");
    assert_eq!(stream.event().id(), id);
    stop(first);
    assert_eq!(hub_on(directory.path(), &[]).history("t").len(), 1);
}

#[test]
fn what_was_opened_is_logged() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hub = hub_on(directory.path(), &[]);
    let ids = ["a", "b"].map(|topic| hub.publish(topic, "n", ""));
    stop(hub);
    let hub = hub_on(directory.path(), &[]);
    let said = hub.process().stderr();
    let line = said.lines().find(|line| line.contains("opened the log"));
    let line = line.expect("a line about the log");
    let folder = directory.path().display();
    for field in [
        format!("folder={folder}"),
        "topics=2".to_owned(),
        "events=2".to_owned(),
        format!("head={}", ids[1]),
    ] {
        assert!(line.contains(&field), "{field}: {line}");
    }
}
