use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Display};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use toml::{Table, Value};

use crate::cli::ServeArgs;
use crate::settings::keys::{KEYS, TABLES, nearest, variable};

/// The file that is read if none is named.
const DEFAULT_FILE: &str = "tidings.toml";

/// Variables that are ours and are not settings.
const OTHER_VARIABLES: [&str; 4] = ["TIDINGS_URL", "TIDINGS_TOKEN", "TIDINGS_LOG", "TIDINGS_BIN"];

/// What was set, by key, and what is wrong with it so far.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<String, Entry>,
    /// The tables of which there may be several, by their name.
    tables: BTreeMap<&'static str, Vec<Self>>,
    problems: Vec<String>,
    /// Which of several tables this is, and in which file; nothing for the settings themselves.
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    table: String,
    file: String,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    level: Level,
    /// The key and where it was set, as the person who set it knows them.
    name: String,
}

/// Where a setting was made. What is later beats what is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    File,
    Environment,
    Flag,
}

impl Given {
    /// Puts the flags over the environment over the settings file.
    pub(super) fn collect(
        args: &ServeArgs,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut given = Self::default();
        let (path, is_named) = match &args.config {
            Some(path) => (path.as_path(), true),
            None => (Path::new(DEFAULT_FILE), false),
        };
        match fs::read_to_string(path) {
            Ok(text) => given = Self::of_file(&path.display().to_string(), &text),
            Err(error) if error.kind() == ErrorKind::NotFound && !is_named => {}
            Err(error) => given
                .problems
                .push(format!("cannot read {}: {error}", path.display())),
        }
        given.add_environment(variables);
        given.add_flags(args);
        given
    }

    /// What a file of this name sets.
    pub(super) fn of_file(file: &str, text: &str) -> Self {
        let mut given = Self::default();
        match text.parse::<Table>() {
            Ok(table) => given.add_table(file, "", table),
            // The error itself quotes the line, which may have a secret in it.
            Err(error) => given.problems.push(format!(
                "{file}: {}{}",
                place_of(&error, text),
                error.message()
            )),
        }
        given
    }

    fn add_table(&mut self, file: &str, prefix: &str, table: Table) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            match (value, several(&key)) {
                (Value::Table(table), _) if is_group(&key) => {
                    self.add_table(file, &format!("{key}."), table);
                }
                (Value::Array(tables), Some((name, keys))) => {
                    let numbered = tables.into_iter().zip(1..);
                    let tables = numbered.map(|(table, number)| {
                        let place = Place {
                            table: format!("{name} {number}"),
                            file: file.to_owned(),
                        };
                        Self::of_one(place, name, keys, table)
                    });
                    self.tables.insert(name, tables.collect());
                }
                (_, Some((name, _))) => {
                    self.problems
                        .push(format!("{key} in {file}: must be tables, [[{name}]]"));
                }
                (_, None) if is_group(&key) => {
                    self.problems
                        .push(format!("{key} in {file}: must be a table, [{key}]"));
                }
                (value, _) if KEYS.contains(&&*key) => {
                    let name = format!("{key} in {file}");
                    self.set(&key, value, Level::File, name);
                }
                _ => {
                    let nearest = nearest(&key, KEYS.map(str::to_owned));
                    self.problems.push(format!(
                        "{key} in {file}: is not a setting; the nearest is {nearest}"
                    ));
                }
            }
        }
    }

    /// What one of several tables sets.
    fn of_one(place: Place, kind: &str, keys: &[&str], table: Value) -> Self {
        let mut given = Self::default();
        let Value::Table(table) = table else {
            let problem = format!("{place}: must be a table, [[{kind}]]");
            given.problems.push(problem);
            return given;
        };
        for (key, value) in table {
            let name = place.name(&key);
            if keys.contains(&&*key) {
                given.set(&key, value, Level::File, name);
            } else {
                let nearest = nearest(&key, keys.iter().map(|&key| key.to_owned()));
                given.problems.push(format!(
                    "{name}: is not a setting; the nearest is {nearest}"
                ));
            }
        }
        given.place = Some(place);
        given
    }

    fn add_environment(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) {
        let mut variables: Vec<_> = variables.collect();
        variables.sort_unstable();
        for (name, value) in variables {
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with("TIDINGS_") || OTHER_VARIABLES.contains(&&*name) {
                continue;
            }
            let Some(key) = KEYS.iter().find(|key| variable(key) == name) else {
                let valid = KEYS
                    .map(variable)
                    .into_iter()
                    .chain(OTHER_VARIABLES.map(str::to_owned));
                let nearest = nearest(&name, valid);
                self.problems.push(format!(
                    "{name}: is not a setting; the nearest is {nearest}"
                ));
                continue;
            };
            match value.into_string() {
                Ok(value) => self.set(key, Value::String(value), Level::Environment, name),
                Err(_) => self.problems.push(format!("{name}: is not UTF-8")),
            }
        }
    }

    fn add_flags(&mut self, args: &ServeArgs) {
        let mut set = |key: &str, flag: &str, value| {
            self.set(key, value, Level::Flag, flag.to_owned());
        };
        if let Some(listen) = &args.listen {
            set("listen", "--listen", Value::String(listen.clone()));
        }
        if args.memory {
            set("memory", "--memory", Value::Boolean(true));
        }
        if args.insecure_anonymous {
            let flag = "--insecure-anonymous";
            set("insecure_anonymous", flag, Value::Boolean(true));
        }
        match args.data_dir.as_deref().map(Path::to_str) {
            Some(Some(folder)) => set("data_dir", "--data-dir", Value::String(folder.to_owned())),
            Some(None) => self.problems.push("--data-dir: is not UTF-8".to_owned()),
            None => {}
        }
    }

    fn set(&mut self, key: &str, value: Value, level: Level, name: String) {
        let entry = Entry { value, level, name };
        self.values.insert(key.to_owned(), entry);
    }

    /// Takes a setting: the default if it is not set or, with a problem noted, if it is bad.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&Value) -> Result<T, String>,
        default: T,
    ) -> T {
        let Some(entry) = self.values.remove(key) else {
            return default;
        };
        parse(&entry.value).unwrap_or_else(|problem| {
            self.problems.push(format!("{}: {problem}", entry.name));
            default
        })
    }

    /// Takes a setting that has no default.
    pub(super) fn require<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.refuse(key, "is missing");
        }
        self.read(key, |value| parse(value).map(Some), None)
    }

    /// Takes note of what is wrong with a setting, whether it is there or not.
    pub(super) fn refuse(&mut self, key: &str, problem: impl Display) {
        let name = match (self.values.get(key), &self.place) {
            (Some(entry), _) => entry.name.clone(),
            (None, Some(place)) => place.name(key),
            (None, None) => key.to_owned(),
        };
        self.problems.push(format!("{name}: {problem}"));
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// At which level a setting was made, and what it is called there.
    pub(super) fn origin(&self, key: &str) -> Option<(Level, String)> {
        let entry = self.values.get(key)?;
        Some((entry.level, entry.name.clone()))
    }

    /// Takes all tables of a name: what is read of each that is good.
    pub(super) fn each<T>(&mut self, name: &str, read: impl Fn(&mut Self) -> Option<T>) -> Vec<T> {
        let mut all = Vec::new();
        for mut table in self.tables.remove(name).unwrap_or_default() {
            let one = read(&mut table);
            let problems = table.finish();
            all.extend(one.filter(|_| problems.is_empty()));
            self.problems.extend(problems);
        }
        all
    }

    pub(super) fn problems_mut(&mut self) -> &mut Vec<String> {
        &mut self.problems
    }

    /// What was wrong. Every setting has been read.
    pub(super) fn finish(self) -> Vec<String> {
        debug_assert!(self.values.is_empty(), "{:?}", self.values.keys());
        debug_assert!(self.tables.is_empty(), "{:?}", self.tables.keys());
        self.problems
    }
}

impl Place {
    /// What a key of the table is called.
    fn name(&self, key: &str) -> String {
        format!("{} {key} in {}", self.table, self.file)
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.table, self.file)
    }
}

/// The line on which a file cannot be read.
fn place_of(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(String::new, |before| {
        format!("line {}: ", before.matches('\n').count() + 1)
    })
}

/// Whether there are keys that begin with this name and a dot.
fn is_group(name: &str) -> bool {
    let of_group = |key: &&str| {
        key.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    KEYS.iter().any(of_group)
}

/// The name of tables of which there may be several, and their keys.
fn several(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    TABLES.into_iter().find(|(table, _)| *table == name)
}

#[cfg(test)]
impl Given {
    /// What a file, variables and flags set.
    pub(super) fn of_all(
        file: &str,
        text: &str,
        variables: &[(&str, &str)],
        args: &ServeArgs,
    ) -> Self {
        let mut given = Self::of_file(file, text);
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        given.add_environment(variables);
        given.add_flags(args);
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(file: &str, variables: &[(&str, &str)], args: &ServeArgs) -> Given {
        Given::of_all("f", file, variables, args)
    }

    fn listen(given: &mut Given) -> String {
        let text = |value: &Value| Ok(value.as_str().unwrap().to_owned());
        given.read("listen", text, String::new())
    }

    #[test]
    fn flags_beat_the_environment_and_the_environment_the_file() {
        let (file, variables) = ("listen = \"file\"", [("TIDINGS_LISTEN", "environment")]);
        let flags = ServeArgs {
            listen: Some("flag".to_owned()),
            ..ServeArgs::default()
        };
        assert_eq!(
            listen(&mut collect(file, &[], &ServeArgs::default())),
            "file"
        );
        assert_eq!(
            listen(&mut collect(file, &variables, &ServeArgs::default())),
            "environment"
        );
        assert_eq!(listen(&mut collect(file, &variables, &flags)), "flag");
    }

    #[test]
    fn variables_that_are_no_settings_are_refused_and_those_of_others_left_alone() {
        let variables = [
            ("TIDINGS_URL", "http://x"),
            ("TIDINGS_LOG", "debug"),
            ("PATH", "/bin"),
            ("TIDINGS_KEEPALIVE", "1s"),
        ];
        let problems = collect("", &variables, &ServeArgs::default()).finish();
        assert_eq!(
            problems,
            ["TIDINGS_KEEPALIVE: is not a setting; the nearest is TIDINGS_KEEP_ALIVE"]
        );
    }
}
