use std::pin::Pin;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use eventsource_client::{Client as _, SSE};
use futures_util::{Stream, StreamExt};
use reqwest_eventsource::{Event, EventSource};
use tidings_client::Item;

/// A client of event streams.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Contender {
    TidingsClient,
    EventsourceClient,
    ReqwestEventsource,
}

/// The lengths of the data of events, as they come.
pub(crate) type Lengths = Pin<Box<dyn Stream<Item = Result<usize>>>>;

impl Contender {
    pub(crate) const ALL: [Self; 3] = [
        Self::TidingsClient,
        Self::EventsourceClient,
        Self::ReqwestEventsource,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TidingsClient => "tidings-client",
            Self::EventsourceClient => "eventsource-client",
            Self::ReqwestEventsource => "reqwest-eventsource",
        }
    }

    /// Receives so many events, and gives how much data they had.
    pub(crate) async fn receive(self, url: &str, events: usize) -> Result<usize> {
        let stack = Stack::of(self, url)?;
        let mut lengths = stack.open(&format!("{url}/{events}"))?;
        let mut bytes = 0;
        for _ in 0..events {
            bytes += lengths.next().await.context("the stream ended")??;
        }
        Ok(bytes)
    }

    /// Opens so many streams and waits until an event has come on each.
    pub(crate) async fn hold(self, url: &str, streams: usize) -> Result<Vec<Lengths>> {
        let stack = Stack::of(self, url)?;
        let mut held = Vec::with_capacity(streams);
        for _ in 0..streams {
            let mut lengths = stack.open(&format!("{url}/hold"))?;
            lengths.next().await.context("the stream ended")??;
            held.push(lengths);
        }
        Ok(held)
    }
}

/// What the streams of a client have in common.
enum Stack {
    Tidings(tidings_client::Client),
    /// It shares nothing.
    EventsourceClient,
    Reqwest(reqwest_0_12::Client),
}

impl Stack {
    fn of(contender: Contender, url: &str) -> Result<Self> {
        Ok(match contender {
            Contender::TidingsClient => {
                Self::Tidings(tidings_client::Client::builder(url).build()?)
            }
            Contender::EventsourceClient => Self::EventsourceClient,
            Contender::ReqwestEventsource => {
                Self::Reqwest(reqwest_0_12::Client::builder().no_proxy().build()?)
            }
        })
    }

    fn open(&self, url: &str) -> Result<Lengths> {
        Ok(match self {
            Self::Tidings(client) => {
                let stream = client.stream_at(url)?.open();
                Box::pin(stream.filter_map(async |item| match item {
                    Ok(Item::Event(event)) => Some(Ok(event.data.len())),
                    Ok(_) => None,
                    Err(error) => Some(Err(error.into())),
                }))
            }
            Self::EventsourceClient => {
                let builder = eventsource_client::ClientBuilder::for_url(url);
                let builder = builder.map_err(|error| anyhow!("{error:?}"))?;
                let stream = builder.build_http().stream();
                Box::pin(stream.filter_map(async |item| match item {
                    Ok(SSE::Event(event)) => Some(Ok(event.data.len())),
                    Ok(_) => None,
                    Err(error) => Some(Err(anyhow!("{error:?}"))),
                }))
            }
            Self::Reqwest(client) => {
                let stream = EventSource::new(client.get(url))?;
                Box::pin(stream.filter_map(async |item| match item {
                    Ok(Event::Message(event)) => Some(Ok(event.data.len())),
                    Ok(Event::Open) => None,
                    Err(error) => Some(Err(error.into())),
                }))
            }
        })
    }
}
