//! `tidings top`.

mod amounts;
mod board;
mod lists;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use futures_util::future::Fuse;
use futures_util::{FutureExt, StreamExt};
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Terminal};
use tidings_client::{Client, Item, ReadError};
use tokio::sync::mpsc;

use crate::cli::Signals;
use crate::cli::exit::Exit;
use crate::cli::hub::HubArgs;
use crate::cli::top::board::{Board, Now};
use crate::cli::top::lists::Lists;

/// The size of a picture that is printed: that of a terminal that nobody has made larger.
const PRINTED: (u16, u16) = (80, 24);

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings top                                        the hub of TIDINGS_URL; q ends it
  tidings top --url http://10.0.0.7:8434             another one
  tidings top --once                                 one picture, as text

Figures come as the hub tells them, lists are read every --interval. Readers that are furthest
behind come first, topics with the most subscribers, the newest executions.")]
pub(crate) struct TopArgs {
    #[command(flatten)]
    hub: HubArgs,

    /// Print one picture and end, which is what happens where stdout is no terminal
    #[arg(long)]
    once: bool,

    /// How often topics, connections and executions are read
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = interval)]
    interval: Duration,
}

/// At least a tenth of a second, so that looking does not become work for the hub.
fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < Duration::from_millis(100) {
        return Err("expected at least 100ms".to_owned());
    }
    Ok(interval)
}

pub(crate) async fn top(args: TopArgs) -> anyhow::Result<Exit> {
    let client = args.hub.client()?;
    if args.once || !io::stdout().is_terminal() {
        print(&client).await?;
        return Ok(Exit::Success);
    }
    let signals = Signals::listen().and_then(Signals::and_hangup);
    let mut signals = signals.context("cannot listen for signals")?;
    let mut terminal = ratatui::try_init().context("cannot use the terminal")?;
    let watched = watch(&client, args.interval, &mut terminal, &mut signals).await;
    ratatui::restore();
    watched
}

async fn print(client: &Client) -> anyhow::Result<()> {
    let mut board = Board::new(client.url());
    board.take_overview(Ok(overview(client).await?));
    board.take_lists(Ok(Lists::read(client).await?));
    let (width, height) = PRINTED;
    let mut terminal = Terminal::new(TestBackend::new(width, height))?;
    terminal.draw(|frame| screen::draw(frame, &board))?;
    let mut stdout = io::stdout().lock();
    for line in terminal.backend().buffer().content().chunks(width.into()) {
        let line: String = line.iter().map(|cell| cell.symbol()).collect();
        writeln!(stdout, "{}", line.trim_end())?;
    }
    Ok(())
}

async fn watch(
    client: &Client,
    interval: Duration,
    terminal: &mut DefaultTerminal,
    signals: &mut Signals,
) -> anyhow::Result<Exit> {
    let mut board = Board::new(client.url());
    let mut told = client.stream_at("api/dashboard/stream")?.open();
    let mut connection = told.connection();
    let (sender, mut read) = mpsc::channel(1);
    let mut reading = pin!(lists::keep_reading(client, interval, sender));
    let mut overview_due = pin!(Fuse::terminated());
    let mut typed = typed();
    loop {
        terminal.draw(|frame| screen::draw(frame, &board))?;
        tokio::select! {
            Ok(()) = connection.changed() => board.connection(&connection.borrow_and_update()),
            item = told.next() => match item {
                Some(Ok(Item::Event(event))) => {
                    if event.event == "connected" {
                        overview_due.set(overview(client).fuse());
                    }
                    board.hear(&event);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => anyhow::bail!("the hub tells nothing more"),
            },
            read = &mut overview_due => board.take_overview(read),
            Some(lists) = read.recv() => board.take_lists(lists),
            () = &mut reading => {}
            signal = signals.next() => return Ok(Exit::of_signal(signal)),
            event = typed.recv() => match event {
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    let control = key.modifiers.contains(KeyModifiers::CONTROL);
                    match key.code {
                        KeyCode::Char('q') | KeyCode::Esc => return Ok(Exit::Success),
                        KeyCode::Char('c') if control => return Ok(Exit::Success),
                        _ => {}
                    }
                }
                Some(_) => {}
                None => return Ok(Exit::Success),
            },
        }
    }
}

/// The hub as a whole, with what was before.
async fn overview(client: &Client) -> Result<Now, ReadError> {
    let read = client.read("api/dashboard").await?;
    read.json().map_err(ReadError::Answer)
}

/// What is typed, and changes of the terminal's size, until the terminal is gone.
fn typed() -> mpsc::Receiver<Event> {
    let (sender, typed) = mpsc::channel(16);
    // A read from a terminal cannot be called off; the process does not wait for this thread.
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                break;
            }
        }
    });
    typed
}
