//! Where the history is kept.

use std::cmp::Ordering;
use std::path::PathBuf;

use tidings::Durability;

use crate::settings::given::Given;
use crate::settings::value;

/// The folder if none is named, in the working directory.
const DEFAULT_FOLDER: &str = "tidings-data";

/// Where the history is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// `memory = true`: in memory, gone with the process.
    Memory,
    /// `data_dir`: in this folder, which is made if it is not there. Default `tidings-data`.
    Folder(PathBuf),
}

impl Storage {
    /// Memory and folder displace each other: what was set at the higher level counts.
    pub(super) fn read(given: &mut Given) -> Self {
        let (memory, data_dir) = (given.origin("memory"), given.origin("data_dir"));
        let in_memory = given.read("memory", value::flag, false);
        let folder = given.read("data_dir", value::folder, DEFAULT_FOLDER.into());
        let Some((memory_level, memory)) = memory.filter(|_| in_memory) else {
            return Self::Folder(folder);
        };
        let Some((folder_level, data_dir)) = data_dir else {
            return Self::Memory;
        };
        match memory_level.cmp(&folder_level) {
            Ordering::Less => Self::Folder(folder),
            Ordering::Greater => Self::Memory,
            Ordering::Equal => {
                let problem = format!("{memory}: cannot be true together with {data_dir}");
                given.problems_mut().push(problem);
                Self::Memory
            }
        }
    }

    /// What it can promise at most, which is what it promises unless told otherwise.
    pub(super) fn durability(&self) -> Durability {
        match self {
            Self::Memory => Durability::Memory,
            Self::Folder(_) => Durability::Disk,
        }
    }

    /// What all topics together may hold unless told otherwise.
    pub(super) fn default_total(&self) -> u64 {
        match self {
            Self::Memory => 256 << 20,
            Self::Folder(_) => 1 << 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::ServeArgs;

    use super::*;

    /// What is read from a file, variables and one flag.
    fn read(file: &str, variables: &[(&str, &str)], flag: &str) -> Result<Storage, String> {
        let args = ServeArgs {
            memory: flag == "--memory",
            data_dir: (flag == "--data-dir").then(|| "flag".into()),
            ..ServeArgs::default()
        };
        let mut given = Given::of_all("f", file, variables, &args);
        let storage = Storage::read(&mut given);
        let problems = given.finish();
        if problems.is_empty() {
            Ok(storage)
        } else {
            Err(problems.join("\n"))
        }
    }

    fn folder(name: &str) -> Result<Storage, String> {
        Ok(Storage::Folder(name.into()))
    }

    #[test]
    fn history_is_in_a_folder_unless_told_otherwise() {
        assert_eq!(read("", &[], ""), folder("tidings-data"));
        assert_eq!(read("memory = false", &[], ""), folder("tidings-data"));
        assert_eq!(read("data_dir = \"d\"", &[], ""), folder("d"));
        assert_eq!(
            read("data_dir = \"d\"\nmemory = false", &[], ""),
            folder("d")
        );
        assert_eq!(read("memory = true", &[], ""), Ok(Storage::Memory));
        let memory = [("TIDINGS_MEMORY", "false")];
        assert_eq!(read("memory = true", &memory, ""), folder("tidings-data"));
    }

    #[test]
    fn what_is_set_at_a_higher_level_displaces_the_other() {
        let memory = [("TIDINGS_MEMORY", "1")];
        let data_dir = [("TIDINGS_DATA_DIR", "environment")];
        assert_eq!(read("data_dir = \"d\"", &memory, ""), Ok(Storage::Memory));
        assert_eq!(read("memory = true", &data_dir, ""), folder("environment"));
        assert_eq!(read("", &memory, "--data-dir"), folder("flag"));
        assert_eq!(read("memory = true", &[], "--data-dir"), folder("flag"));
        assert_eq!(read("", &data_dir, "--memory"), Ok(Storage::Memory));
        let both = "memory = true\ndata_dir = \"d\"";
        assert_eq!(read(both, &[], "--memory"), Ok(Storage::Memory));
        assert_eq!(read(both, &data_dir, ""), folder("environment"));
    }

    #[test]
    fn both_at_one_level_are_a_problem_that_names_both() {
        let told = read("memory = true\ndata_dir = \"d\"", &[], "").unwrap_err();
        assert_eq!(
            told,
            "memory in f: cannot be true together with data_dir in f"
        );
        let both = [("TIDINGS_MEMORY", "1"), ("TIDINGS_DATA_DIR", "d")];
        let told = read("", &both, "").unwrap_err();
        assert_eq!(
            told,
            "TIDINGS_MEMORY: cannot be true together with TIDINGS_DATA_DIR"
        );
    }

    #[test]
    fn bad_values_are_problems() {
        assert!(read("data_dir = \"\"", &[], "").is_err());
        assert!(read("data_dir = 7", &[], "").is_err());
        assert!(read("memory = \"perhaps\"", &[], "").is_err());
    }
}
