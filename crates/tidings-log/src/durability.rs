/// What an event survives once it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// A clean stop of a log that is kept on disk, and nothing else.
    Memory,
    /// A crash of the process and of the machine.
    Disk,
}
