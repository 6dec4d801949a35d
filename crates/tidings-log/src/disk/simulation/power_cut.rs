//! A power cut at any operation, whatever it leaves of what was not synced, takes back nothing that was acknowledged,
//! and leaves the lot that was in flight whole or not at all.

use fastrand::Rng;

use crate::{
    Epoch, Store,
    disk::simulation::{
        disk::{SimulatedDisk, Trouble},
        model::{Contents, Model, Workload, open},
        seeds,
    },
};

#[test]
fn a_power_cut_leaves_every_acknowledged_lot_and_no_half_of_one() {
    seeds::each("a_power_cut_leaves_every_acknowledged_lot", 2_000, |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut history = History {
            disk: SimulatedDisk::new(rng.fork()),
            workload: Workload::new(rng.fork()),
            possible: vec![Model::new()],
            was_open: false,
            rng,
        };
        for _ in 0..history.rng.usize(1..=5) {
            history.use_until_power_cut();
        }
        history.check();
    });
}

struct History {
    disk: SimulatedDisk,
    workload: Workload,
    /// What the store may hold: what it held, and what it holds if the lot in flight is there.
    possible: Vec<Model>,
    /// Whether the store was ever opened, so that there must be one.
    was_open: bool,
    rng: Rng,
}

impl History {
    fn use_until_power_cut(&mut self) {
        let operations = *self.rng.choice(&[8, 40, 200, 200, 200, 1_000]).unwrap();
        self.disk
            .plan(self.rng.u64(0..operations), Trouble::PowerCut);
        self.use_store();
        self.disk.restart();
    }

    fn use_store(&mut self) {
        let (mut store, found) = match open(&self.disk) {
            Ok(opened) => opened,
            Err(error) => {
                assert!(self.disk.has_trouble(), "the store does not open: {error}");
                return;
            }
        };
        assert_eq!(
            found.is_new,
            found.is_new && !self.was_open,
            "the store is empty"
        );
        self.was_open = true;
        if self.disk.has_trouble() {
            return;
        }
        let contents = Contents::of(&store);
        self.possible
            .retain(|model| model.is_found(&found, &contents));
        let mut model = self
            .possible
            .first()
            .expect("the store holds what it held")
            .clone();
        for _ in 0..self.rng.usize(0..60) {
            let mut next = model.clone();
            let committed = if self.rng.u8(0..20) == 0 {
                let (first, epoch) = (self.workload.skip(), Epoch::new("further").unwrap());
                next.begin_epoch(first, epoch.clone());
                store.begin_epoch(first, epoch)
            } else {
                let lot = self.workload.lot(&model);
                next.apply(&lot);
                store.commit(&lot)
            };
            if committed.is_err() {
                assert!(self.disk.has_trouble(), "a lot is refused: {committed:?}");
                self.possible = vec![model, next];
                return;
            }
            model = next;
        }
        self.possible = vec![model];
        if self.rng.bool() {
            // The power may be cut while it closes, or be off.
            let _ = store.close();
        }
    }

    fn check(&self) {
        let (store, found) = open(&self.disk).unwrap();
        let contents = Contents::of(&store);
        assert!(
            self.possible
                .iter()
                .any(|model| model.is_found(&found, &contents)),
            "after the last cut"
        );
    }
}
