/// A table in Markdown.
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(head: [&str; N]) -> Self {
        Self {
            rows: vec![head.map(str::to_owned)],
        }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// A row of somebody who has no figures.
    pub(crate) fn note(&mut self, name: &str, why: &str) {
        let mut cells = std::array::from_fn(|_| "–".to_owned());
        let first_line = why.lines().next().unwrap_or_default();
        cells[0] = format!("{name} ({first_line})");
        self.rows.push(cells);
    }

    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        for (place, cells) in self.rows.iter().enumerate() {
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
            if place == 0 {
                text.push_str("| :---");
                text.push_str(&" | ---:".repeat(N - 1));
                text.push_str(" |\n");
            }
        }
        text
    }
}
