//! An error of the disk at any operation is a failed lot and no more: nothing is taken after it until the store has
//! been opened again, and then it holds every acknowledged lot, also after a power cut.

use fastrand::Rng;

use crate::{
    DiskStore, Store, StoreError,
    disk::simulation::{
        disk::{SimulatedDisk, Trouble},
        model::{Contents, Model, Workload, open},
        seeds,
    },
};

#[test]
fn a_failing_disk_costs_no_acknowledged_lot() {
    seeds::each("a_failing_disk_costs_no_acknowledged_lot", 500, |seed| {
        let mut rng = Rng::with_seed(seed);
        let disk = SimulatedDisk::new(rng.fork());
        let workload = Workload::new(rng.fork());
        let (store, _) = open(&disk).unwrap();
        let mut history = History {
            disk,
            workload,
            store,
            possible: vec![Model::new()],
            rng,
        };
        for _ in 0..history.rng.usize(1..=4) {
            history.use_until_error();
            history.reopen();
        }
        history.cut_power_and_check();
    });
}

struct History {
    disk: SimulatedDisk,
    workload: Workload,
    store: DiskStore,
    /// What the store may hold. More than one when it cannot be told whether a failed lot is there.
    possible: Vec<Model>,
    rng: Rng,
}

impl History {
    fn use_until_error(&mut self) {
        let operations = *self.rng.choice(&[8, 40, 100]).unwrap();
        let trouble = *self
            .rng
            .choice(&[Trouble::Error, Trouble::LastingError])
            .unwrap();
        self.disk.plan(self.rng.u64(0..operations), trouble);
        for _ in 0..self.rng.usize(0..20) {
            let lot = self.workload.lot(&self.possible[0]);
            let mut next = self.possible.clone();
            next.iter_mut().for_each(|model| model.apply(&lot));
            if self.store.commit(&lot).is_ok() {
                self.possible = next;
            } else {
                self.possible.extend(next);
                let refused = self.store.commit(&self.workload.lot(&self.possible[0]));
                assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
                return;
            }
        }
    }

    /// Opens the store again, on a disk that may fail once more or still.
    fn reopen(&mut self) {
        if self.rng.bool() {
            self.disk.plan(self.rng.u64(0..40), Trouble::Error);
        }
        if self.store.reopen().is_err() {
            let refused = self.store.commit(&self.workload.lot(&self.possible[0]));
            assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
            self.disk.mend();
            self.store.reopen().unwrap();
        }
        self.disk.mend();
        let contents = Contents::of(&self.store);
        self.possible.retain(|model| model.is_read(&contents));
        assert!(
            !self.possible.is_empty(),
            "the store holds something else after it was opened again"
        );
    }

    fn cut_power_and_check(self) {
        let Self {
            disk,
            store,
            possible,
            mut rng,
            ..
        } = self;
        if rng.bool() {
            store.close().unwrap();
        }
        disk.plan(0, Trouble::PowerCut);
        drop(store);
        disk.restart();
        let (store, found) = open(&disk).unwrap();
        let contents = Contents::of(&store);
        assert!(
            possible
                .iter()
                .any(|model| model.is_found(&found, &contents)),
            "after a power cut"
        );
    }
}
