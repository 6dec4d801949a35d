use tidings_bench::median;

use crate::{
    figures::{Figures, Results, Row},
    workload::Workload,
};

/// All rounds of one contender at one workload.
pub(crate) struct Summary<'a> {
    workload: Workload,
    rows: Vec<&'a Row>,
}

/// The middle and the ends of some figures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(results: &'a Results, workload: Workload, contender: &str) -> Self {
        let rows = results.rows.iter();
        let rows = rows.filter(|row| row.workload == workload && row.contender == contender);
        Self {
            workload,
            rows: rows.collect(),
        }
    }

    /// Whether nothing was tried.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Why there are no figures, if there are none of any round.
    pub(crate) fn failure(&self) -> Option<&'a str> {
        let mut failures = self
            .rows
            .iter()
            .map(|row| row.outcome.as_ref().err().map(String::as_str));
        let first = failures.next()??;
        failures.all(|failure| failure.is_some()).then_some(first)
    }

    /// The rounds that have figures.
    pub(crate) fn figures(&self) -> impl Iterator<Item = &'a Figures> {
        self.rows.iter().filter_map(|row| row.outcome.as_ref().ok())
    }

    pub(crate) fn spread(&self, of: impl Fn(&Figures) -> f64) -> Spread {
        Spread::of(self.figures().map(of))
    }

    /// By how much it is more than another in the same round.
    pub(crate) fn ratio(&self, other: &Self, of: impl Fn(&Figures) -> f64) -> Option<f64> {
        let ratios: Vec<f64> = self
            .rows
            .iter()
            .filter_map(|row| {
                let same = other.rows.iter().find(|it| it.round == row.round)?;
                let ratio = of(row.outcome.as_ref().ok()?) / of(same.outcome.as_ref().ok()?);
                Some(ratio).filter(|ratio| ratio.is_finite())
            })
            .collect();
        if ratios.is_empty() {
            None
        } else {
            Some(median(ratios))
        }
    }

    pub(crate) fn workload(&self) -> Workload {
        self.workload
    }
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let figures: Vec<f64> = figures.collect();
        Self {
            median: median(figures.iter().copied()),
            least: figures.iter().copied().reduce(f64::min).unwrap_or_default(),
            most: figures.iter().copied().reduce(f64::max).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Size;

    fn row(contender: &str, round: usize, cpu_micros: f64) -> Row {
        let figures = Figures {
            cpu_micros,
            ..Figures::default()
        };
        Row {
            workload: Workload::Burst,
            contender: contender.into(),
            round,
            outcome: Ok(figures),
        }
    }

    #[test]
    fn ratios_are_within_a_round() {
        let rows = vec![
            row("a", 0, 2.0),
            row("b", 0, 1.0),
            row("a", 1, 40.0),
            row("b", 1, 10.0),
            row("a", 2, 9.0),
            row("b", 2, 3.0),
        ];
        let results = Results {
            size: Size::Smoke,
            keep_alive_seconds: 15,
            is_steered: false,
            machine: String::new(),
            command: String::new(),
            contenders: Vec::new(),
            rows,
        };
        let [a, b] = ["a", "b"].map(|name| Summary::of(&results, Workload::Burst, name));
        assert_eq!(a.ratio(&b, |it| it.cpu_micros), Some(3.0));
        assert_eq!(a.spread(|it| it.cpu_micros).median, 9.0);
    }
}
