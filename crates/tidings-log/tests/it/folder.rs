//! The store on disk, in real folders.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use redb::{Database, ReadableDatabase, TableDefinition};
use tidings_log::{
    DiskOptions, DiskStore, Epoch, Found, KeyRow, Lot, Marks, OpenError, Record, Store, StoreError,
    Timestamp, Topic, TopicRow,
};

fn open(dir: &Path) -> Result<(DiskStore, Found), OpenError> {
    DiskStore::open(dir, &DiskOptions::default(), || Epoch::new("e1").unwrap())
}

/// As [`open`], but everything is read from the file.
fn open_without_memory(dir: &Path) -> (DiskStore, Found) {
    let options = DiskOptions {
        cache_bytes: 0,
        recent_bytes: 0,
    };
    DiskStore::open(dir, &options, || Epoch::new("e1").unwrap()).unwrap()
}

fn refused(dir: &Path) -> OpenError {
    open(dir).map(|_| ()).unwrap_err()
}

fn record(sequence: u64) -> Arc<Record> {
    Arc::new(Record {
        epoch: Epoch::new("e1").unwrap(),
        sequence,
        time: Timestamp::from_millis(1_700_000_000_000 + sequence),
        topic: Topic::new("orders").unwrap(),
        event: None,
        data: format!("event {sequence}").into(),
        key: None,
        ends_topic: false,
    })
}

fn topic(id: u64, name: &str) -> TopicRow {
    let name = Topic::new(name).unwrap();
    TopicRow {
        id,
        name,
        last: id,
        evicted: 0,
        lost: 0,
        volatile: 0,
        ended: false,
    }
}

fn lot(sequences: impl IntoIterator<Item = u64>) -> Lot {
    let records = sequences
        .into_iter()
        .map(|sequence| (1, record(sequence)))
        .collect();
    Lot {
        records,
        topics: vec![topic(1, "orders")],
        ..Lot::default()
    }
}

fn read(store: &DiskStore, sequences: &[u64]) -> Vec<u64> {
    let records = store.read(sequences).unwrap();
    assert!(records.iter().all(|read| *read == record(read.sequence)));
    records.iter().map(|record| record.sequence).collect()
}

#[test]
fn a_folder_without_a_log_gets_one_that_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let nested = dir.path().join("not/there/yet");
    let (store, found) = open(&nested).unwrap();
    assert!(found.is_new && store.is_durable());
    drop(store);

    let again = DiskStore::open(&nested, &DiskOptions::default(), || {
        panic!("it has an epoch")
    });
    let (_, again) = again.unwrap();
    assert!(!again.is_new);
    assert_eq!(again.epochs, found.epochs);
    assert_eq!(again.marks, Marks::default());
}

#[test]
fn all_that_a_lot_holds_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).unwrap();
    let time = Timestamp::from_millis(5);
    let key = KeyRow {
        key: "k".into(),
        time,
        fingerprint: [9; 16],
        sequence: 3,
        receivers: 2,
    };
    let marks = Marks {
        reserved: 100,
        opened: 1,
        forgotten: 2,
        head: Some(3),
    };
    store.commit(&lot(1..=3)).unwrap();
    store
        .commit(&Lot {
            keys: vec![key.clone()],
            marks: Some(marks),
            evicted: vec![2, 77],
            ..Lot::default()
        })
        .unwrap();
    drop(store);

    let (store, found) = open_without_memory(dir.path());
    assert_eq!((found.marks, found.keys), (marks, vec![key.clone()]));
    assert_eq!(found.topics, [topic(1, "orders")]);
    assert_eq!(read(&store, &[1, 2, 3, 4]), [1, 3]);

    let expired_keys = vec![key.key];
    let marks = Some(Marks {
        head: None,
        ..marks
    });
    store
        .commit(&Lot {
            expired_keys,
            marks,
            forgotten: vec![1],
            ..Lot::default()
        })
        .unwrap();
    drop(store);
    let (store, found) = open(dir.path()).unwrap();
    assert!(found.keys.is_empty() && found.topics.is_empty() && found.marks.head.is_none());
    assert_eq!(
        read(&store, &[1, 3]),
        [0; 0],
        "events of a forgotten topic are given to nobody"
    );
    let mut left = Vec::new();
    store
        .scan(&mut |event| left.push((event.sequence, event.topic, event.size)))
        .unwrap();
    assert_eq!(left, [(1, 1, record(1).size()), (3, 1, record(3).size())]);
}

#[test]
fn an_event_is_of_the_epoch_that_had_begun() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path()).unwrap();
    store.begin_epoch(2, Epoch::new("e2").unwrap()).unwrap();
    store.commit(&lot(1..=2)).unwrap();
    drop(store);
    let (store, found) = open_without_memory(dir.path());
    assert_eq!(found.epochs.iter().count(), 2);
    let positions: Vec<_> = store
        .read(&[1, 2])
        .unwrap()
        .iter()
        .map(|record| record.position().to_string())
        .collect();
    assert_eq!(positions, ["e1-1", "e2-2"]);
}

#[test]
fn a_held_event_is_read_before_its_commit_and_recent_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).unwrap();
    store.commit(&lot(1..=2)).unwrap();
    drop(store);
    let (store, _) = open(dir.path()).unwrap();
    store.hold(record(3));
    assert_eq!(read(&store, &[1, 3]), [1, 3]);
    assert!(
        store.recent(&[1, 3]).is_none(),
        "event 1 is only on the disk"
    );
    assert_eq!(store.recent(&[3]).unwrap(), [record(3)]);
    store.commit(&lot([3])).unwrap();
    assert_eq!(store.recent(&[3]).unwrap(), [record(3)]);
}

#[test]
fn many_read_while_one_commits() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_without_memory(dir.path());
    store.commit(&lot(1..=50)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(read(&store, &[1, 7, 50]), [1, 7, 50]);
                }
            });
        }
        for sequence in 51..80 {
            store.commit(&lot([sequence])).unwrap();
            assert_eq!(read(&store, &[sequence]), [sequence]);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_log_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).unwrap();
    assert!(matches!(refused(dir.path()), OpenError::InUse(_)));
    store.commit(&lot([1])).unwrap();
    store.close().unwrap();
    assert!(matches!(store.commit(&lot([2])), Err(StoreError::Closed)));
    assert!(matches!(store.reopen(), Err(StoreError::Closed)));
    open(dir.path()).unwrap();
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let mut almost_empty = vec![0; 2_000_000];
    almost_empty[1_500_000] = 1;
    for content in [
        b"notes".to_vec(),
        vec![b'x'; 2_000_000],
        vec![0; 100],
        almost_empty,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.redb");
        fs::write(&path, &content).unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, OpenError::NotALog(_)), "{error:?}");
        assert!(fs::read(&path).unwrap() == content);
    }
}

#[test]
fn a_database_of_something_else_is_refused_and_left_as_it_is() {
    const ITEMS: TableDefinition<'_, u64, u64> = TableDefinition::new("items");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.redb");
    let db = Database::create(&path).unwrap();
    let txn = db.begin_write().unwrap();
    txn.open_table(ITEMS).unwrap().insert(1, 2).unwrap();
    txn.commit().unwrap();
    drop(db);
    assert!(matches!(refused(dir.path()), OpenError::NotALog(_)));
    let db = Database::open(&path).unwrap();
    let txn = db.begin_read().unwrap();
    assert_eq!(
        txn.open_table(ITEMS)
            .unwrap()
            .get(1)
            .unwrap()
            .unwrap()
            .value(),
        2
    );
    assert_eq!(txn.list_tables().unwrap().count(), 1);
}

#[test]
fn another_format_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let db = Database::open(dir.path().join("log.redb")).unwrap();
    let txn = db.begin_write().unwrap();
    txn.open_table(TableDefinition::<&str, u64>::new("format"))
        .unwrap()
        .insert("version", 2)
        .unwrap();
    txn.commit().unwrap();
    drop(db);
    let error = refused(dir.path());
    assert!(
        matches!(
            error,
            OpenError::FormatVersion {
                found: 2,
                supported: 1,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_path_that_cannot_be_a_folder_is_an_error_of_the_system() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = refused(&file.path().join("data"));
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
}

#[test]
fn a_log_that_was_replaced_is_not_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.redb");
    let (store, _) = open(dir.path()).unwrap();
    store.commit(&lot([1])).unwrap();
    fs::rename(&path, dir.path().join("moved")).unwrap();
    assert!(matches!(store.reopen(), Err(StoreError::Io(_))));
    assert!(!path.exists());

    DiskStore::open(dir.path(), &DiskOptions::default(), || {
        Epoch::new("other").unwrap()
    })
    .unwrap();
    assert!(matches!(store.reopen(), Err(StoreError::Io(_))));
    assert!(matches!(store.commit(&lot([2])), Err(StoreError::Closed)));

    fs::rename(dir.path().join("moved"), &path).unwrap();
    store.reopen().unwrap();
    assert_eq!(read(&store, &[1]), [1]);
    store.commit(&lot([2])).unwrap();
}
