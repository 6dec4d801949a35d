//! A file whose bytes have changed is refused, or gives exactly what was stored.

use fastrand::Rng;

use crate::{
    OpenError, Store,
    disk::simulation::{
        disk::{SimulatedDisk, Trouble},
        model::{Contents, Model, Workload, open},
        seeds,
    },
};

const SECTOR: usize = 512;

#[test]
fn a_damaged_file_is_refused_or_gives_what_was_stored() {
    seeds::each("a_damaged_file_is_refused", 1_000, |seed| {
        let mut rng = Rng::with_seed(seed);
        let disk = SimulatedDisk::new(rng.fork());
        let (store, _) = open(&disk).unwrap();
        let mut workload = Workload::new(rng.fork());
        let mut model = Model::new();
        let mut before_last = model.clone();
        for _ in 0..rng.usize(1..30) {
            let lot = workload.lot(&model);
            store.commit(&lot).unwrap();
            before_last = model.clone();
            model.apply(&lot);
        }
        let closed = rng.bool();
        if closed {
            store.close().unwrap();
        }
        disk.plan(0, Trouble::PowerCut);
        drop(store);
        disk.restart();
        disk.damage(|file| damage(file, &mut rng));
        match open(&disk) {
            Ok((store, found)) => {
                let contents = Contents::of(&store);
                // After an unclean stop, damage to the newest lot cannot be told from its being in flight.
                let right = model.is_found(&found, &contents)
                    || !closed && before_last.is_found(&found, &contents);
                assert!(right, "something else was read");
            }
            Err(OpenError::Damaged { .. } | OpenError::NotALog(_)) => {}
            Err(other) => panic!("another error: {other:?}"),
        }
    });
}

fn damage(file: &mut Vec<u8>, rng: &mut Rng) {
    // Most of a small file is free space, and what is there is at its beginning.
    let used = file.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let area = *rng
        .choice(&[SECTOR, 8 * SECTOR, used, used, used, file.len()])
        .unwrap();
    match rng.u8(0..10) {
        0..5 => {
            for _ in 0..rng.usize(1..4) {
                file[rng.usize(0..area)] ^= 1 << rng.u8(0..8);
            }
        }
        5 => {
            let at = rng.usize(0..area) / SECTOR * SECTOR;
            rng.fill(&mut file[at..at + SECTOR]);
        }
        6 => {
            let at = rng.usize(0..area) / SECTOR * SECTOR;
            file[at..at + SECTOR].fill(0);
        }
        7 => {
            // A sector was written where another belongs.
            let from = rng.usize(0..used) / SECTOR * SECTOR;
            let to = rng.usize(0..area) / SECTOR * SECTOR;
            file.copy_within(from..from + SECTOR, to);
        }
        8 => file.truncate(rng.usize(0..area)),
        _ => file.extend(vec![0; rng.usize(1..3 * SECTOR)]),
    }
}
