//! `tidings log verify`.

use std::io::{self, Write};

use clap::Args;
use tidings_log::StoredRecord;

use crate::cli::exit::Exit;
use crate::cli::log::FolderArgs;
use crate::cli::notice;
use crate::cli::progress::Progress;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings log verify                                 check ./tidings-data
  tidings log verify --data-dir /var/lib/tidings     or another folder

Reads every event and checks it by its checksum, then every page of the file. Prints how many events
are sound, and the id of each that is damaged. Exits with 0 if all is sound, with 1 if not.")]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    folder: FolderArgs,
}

pub(super) fn verify(args: &VerifyArgs) -> anyhow::Result<Exit> {
    let log = args.folder.open()?;
    let progress = Progress::new(Some(log.records()), "sound");
    let mut stdout = io::stdout().lock();
    let (mut sound, mut damaged) = (0_u64, 0_u64);
    let mut after = 0;
    let mut read = Ok(());
    loop {
        let page = match log.page(after) {
            Ok(page) => page,
            Err(error) => {
                read = Err(error);
                break;
            }
        };
        let Some(last) = page.last() else { break };
        after = last.sequence();
        progress.advance(page.len() as u64);
        for record in page {
            match record {
                StoredRecord::Sound(_) => sound += 1,
                StoredRecord::Leftover(_) => {}
                StoredRecord::Damaged(sequence) => {
                    damaged += 1;
                    let id = log.found().epochs.position(sequence);
                    progress.interrupt(|| writeln!(stdout, "damaged: {id}"))?;
                }
            }
        }
        progress.events(sound);
    }
    progress.finish();
    writeln!(stdout, "sound events: {sound}")?;
    read?;
    if damaged > 0 {
        notice(format_args!("damaged events: {damaged}"));
        log.check_all_but_events()?;
        notice(format_args!(
            "all else is sound: `tidings log export --skip-damaged` saves it"
        ));
        return Ok(Exit::Failure);
    }
    log.check()?;
    Ok(Exit::Success)
}
