use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use toml::{Table, Value};

use crate::cli::ServeArgs;
use crate::settings::keys::{KEYS, TOPIC_KEYS, nearest, variable};

/// The file that is read if none is named.
const DEFAULT_FILE: &str = "tidings.toml";

/// Variables that are ours and are not settings.
const OTHER_VARIABLES: [&str; 3] = ["TIDINGS_URL", "TIDINGS_LOG", "TIDINGS_BIN"];

/// What was set, by key, and what is wrong with it so far.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<String, Entry>,
    topics: Vec<Self>,
    problems: Vec<String>,
    /// What a missing key is called.
    place: String,
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
            Err(error) => given
                .problems
                .push(format!("{file}: {}", error.to_string().trim_end())),
        }
        given
    }

    fn add_table(&mut self, file: &str, prefix: &str, table: Table) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            match value {
                Value::Table(table) if ["limits", "retention"].contains(&&*key) => {
                    self.add_table(file, &format!("{key}."), table);
                }
                Value::Array(topics) if key == "topic" => {
                    for (index, topic) in topics.into_iter().enumerate() {
                        self.topics.push(Self::of_topic(file, index + 1, topic));
                    }
                }
                value if KEYS.contains(&&*key) => {
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

    fn of_topic(file: &str, number: usize, topic: Value) -> Self {
        let place = format!("topic {number}");
        let mut given = Self {
            place: format!("{place} pattern in {file}"),
            ..Self::default()
        };
        let Value::Table(table) = topic else {
            given
                .problems
                .push(format!("{place} in {file}: must be a table, [[topic]]"));
            return given;
        };
        for (key, value) in table {
            let name = format!("{place} {key} in {file}");
            if TOPIC_KEYS.contains(&&*key) {
                given.set(&key, value, Level::File, name);
            } else {
                let nearest = nearest(&key, TOPIC_KEYS.map(str::to_owned));
                given.problems.push(format!(
                    "{name}: is not a setting; the nearest is {nearest}"
                ));
            }
        }
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
            if name.starts_with("TIDINGS_AUTH_") {
                self.problems
                    .push(format!("{name}: keys and tokens are not supported yet"));
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

    /// Takes the one setting of a topic that has no default.
    pub(super) fn require<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.problems.push(format!("{}: is missing", self.place));
        }
        self.read(key, |value| parse(value).map(Some), None)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// At which level a setting was made, and what it is called there.
    pub(super) fn origin(&self, key: &str) -> Option<(Level, String)> {
        let entry = self.values.get(key)?;
        Some((entry.level, entry.name.clone()))
    }

    pub(super) fn take_topics(&mut self) -> Vec<Self> {
        std::mem::take(&mut self.topics)
    }

    pub(super) fn problems_mut(&mut self) -> &mut Vec<String> {
        &mut self.problems
    }

    /// What was wrong. Every setting has been read.
    pub(super) fn finish(self) -> Vec<String> {
        debug_assert!(self.values.is_empty(), "{:?}", self.values);
        self.problems
    }
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
            ("TIDINGS_AUTH_JWT_SECRET", "s"),
        ];
        let problems = collect("", &variables, &ServeArgs::default()).finish();
        assert_eq!(
            problems,
            [
                "TIDINGS_AUTH_JWT_SECRET: keys and tokens are not supported yet",
                "TIDINGS_KEEPALIVE: is not a setting; the nearest is TIDINGS_KEEP_ALIVE",
            ]
        );
    }
}
